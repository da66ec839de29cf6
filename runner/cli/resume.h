#pragma once

// Going on with a run, for `pipe resume` and for commands after which one does. Main thread.

#include <optional>
#include <string>
#include <vector>

#include "runner/cli/console.h"
#include "runner/cli/progress.h"

namespace runner::cli {

struct ResumeArguments {
  std::string run;
  std::vector<std::string> env_files;
  ProgressOptions progress;
  std::optional<int> jobs;
  bool detach = false;
};

/// To the end of the run, or until it waits again; the run's exit code.
ExitCode resume_run(const ResumeArguments& arguments, Console& console);

/// -j above the settings. An Error for what is no number of jobs.
dsl::Result<int> jobs_of(const std::optional<int>& given, const Settings& settings);

}  // namespace runner::cli
