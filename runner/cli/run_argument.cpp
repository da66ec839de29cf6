#include "runner/cli/run_argument.h"

#include <utility>

namespace runner::cli {

Positional run_argument(std::string& run) {
  return {"RUN", "the run; the latest where none is given", false, Completes::Run, {}, &run};
}

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

ViewLookup look_up_view(const std::string& text, Console& console) {
  const RunLookup lookup = look_up_run(text, console);
  if (!lookup.found) {
    return {std::nullopt, lookup.code};
  }
  auto view = lookup.found->runs.view(lookup.found->run);
  if (!view) {
    return {std::nullopt, console.fail(ExitCode::Environment, view.error())};
  }
  return {*std::move(view), ExitCode::Passed};
}

}  // namespace runner::cli
