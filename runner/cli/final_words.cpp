#include "runner/cli/final_words.h"

#include "runner/cli/run_status.h"

namespace runner::cli {
namespace {

ExitCode exit_code_of(const RunView& view) {
  switch (status_of(view)) {
    case RunStatus::Passed:
    case RunStatus::Undone:
    case RunStatus::Skipped:
    case RunStatus::Running:
    case RunStatus::Parked:
      return ExitCode::Passed;
    case RunStatus::Failed:
      return ended_by_budget(view.state()) ? ExitCode::BudgetExhausted : ExitCode::Failed;
    case RunStatus::Undelivered:
    case RunStatus::Errored:
    case RunStatus::Dead:
      return ExitCode::Environment;
    case RunStatus::Waiting:
    case RunStatus::Answered:
      return ExitCode::WaitingForApproval;
    case RunStatus::Interrupted:
      return ExitCode::Interrupted;
  }
  return ExitCode::Environment;
}

}  // namespace

void print_checklist(const RunState& state,
                     const std::string& run_folder,
                     report::Runner runner,
                     Console& console) {
  report::ChecklistOptions options;
  options.width = console.width();
  options.cut = console.out_is_terminal();
  options.colour = console.out_colour();
  options.runner = runner;
  options.run_folder = run_folder;
  console.err(console.err_is_terminal() ? "\n" : "");  // off from the progress above
  console.out(report::checklist(state, options));
}

ExitCode final_words(const RunView& view, bool json, Console& console) {
  if (!json) {
    print_checklist(view.state(),
                    view.folder(),
                    view.runner() ? report::Runner::Alive : report::Runner::Gone,
                    console);
  }
  return exit_code_of(view);
}

}  // namespace runner::cli
