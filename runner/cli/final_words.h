#pragma once

// How every command that watched a run ends: the checklist, and the run's exit code. Main thread.

#include <string>

#include "runner/cli/console.h"
#include "runner/cli/runs.h"
#include "runner/report/checklist.h"

namespace runner::cli {

/// Prints the checklist on STDOUT.
void print_checklist(const RunState& state,
                     const std::string& run_folder,
                     report::Runner runner,
                     Console& console);

/// Prints the checklist on STDOUT, unless `json` was asked for (the events said it all then).
/// Returns the exit code that the run's end means.
ExitCode final_words(const RunView& view, bool json, Console& console);

}  // namespace runner::cli
