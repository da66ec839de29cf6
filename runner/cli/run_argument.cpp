#include "runner/cli/run_argument.h"

#include <utility>

namespace runner::cli {

RunLookup look_up_run(const std::string& text, Console& console) {
  auto runs = Runs::open_here();
  if (!runs) {
    return {std::nullopt, console.fail(ExitCode::Environment, runs.error())};
  }
  auto run = runs->find(text.empty() ? "latest" : text);
  if (!run) {
    return {std::nullopt, console.fail(ExitCode::Invalid, run.error())};
  }
  return {NamedRun{*std::move(runs), *std::move(run)}, ExitCode::Passed};
}

}  // namespace runner::cli
