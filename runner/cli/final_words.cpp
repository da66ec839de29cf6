#include "runner/cli/final_words.h"

#include "runner/cli/run_status.h"
#include "runner/report/checklist.h"

namespace runner::cli {
namespace {

ExitCode exit_code_of(const RunView& view) {
  switch (status_of(view)) {
    case RunStatus::Passed:
    case RunStatus::Skipped:
    case RunStatus::Running:
      return ExitCode::Passed;
    case RunStatus::Failed:
      return ExitCode::Failed;
    case RunStatus::Errored:
    case RunStatus::Dead:
      return ExitCode::Environment;
    case RunStatus::Waiting:
      return ExitCode::WaitingForApproval;
    case RunStatus::Interrupted:
      return ExitCode::Interrupted;
  }
  return ExitCode::Environment;
}

}  // namespace

ExitCode final_words(const RunView& view, bool json, Console& console) {
  if (!json) {
    report::ChecklistOptions options;
    options.width = console.width();
    options.colour = console.out_colour();
    options.runner = view.runner() ? report::Runner::Alive : report::Runner::Gone;
    options.run_folder = view.folder();
    console.err(console.err_is_terminal() ? "\n" : "");  // off from the progress above
    console.out(report::checklist(view.state(), options));
  }
  return exit_code_of(view);
}

}  // namespace runner::cli
