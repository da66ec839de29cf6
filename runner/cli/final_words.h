#pragma once

// How every command that watched a run ends: the checklist, and the run's exit code. Main thread.

#include "runner/cli/console.h"
#include "runner/cli/runs.h"

namespace runner::cli {

/// Prints the checklist on STDOUT, unless `json` was asked for (the events said it all then).
/// Returns the exit code that the run's end means.
ExitCode final_words(const RunView& view, bool json, Console& console);

}  // namespace runner::cli
