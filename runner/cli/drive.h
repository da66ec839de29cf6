#pragma once

// A run driven by this process, with what a command shows of it. Main thread.

#include <functional>
#include <string>

#include "runner/app/session.h"
#include "runner/cli/console.h"
#include "runner/cli/progress.h"

namespace runner::cli {

enum class Where { Foreground, Background };

/// Calls `session` (run_session or resume_session) with observers for this console, says what stood
/// in its way, and ends with the checklist. In the background: a child process does so, with
/// `console.log` of the run's folder for its streams; returns once the run has a name, which is
/// printed on STDOUT, or failed before.
ExitCode drive(const std::function<SessionEnd(const MakeObservers&)>& session,
               const ProgressOptions& progress,
               Where where,
               Console& console);

}  // namespace runner::cli
