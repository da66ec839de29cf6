#pragma once

// The RUN that many commands take: opened, found, or complained about. Main thread.

#include <optional>
#include <string>

#include "runner/cli/command.h"
#include "runner/cli/console.h"
#include "runner/cli/runs.h"

namespace runner::cli {

/// RUN of a command line, into `run`, which outlives the parser.
Positional run_argument(std::string& run);

struct NamedRun {
  Runs runs;
  dsl::RunId run;
};

/// `text` "" is the latest run. No value: exit with `code`, everything is said.
struct RunLookup {
  std::optional<NamedRun> found;
  ExitCode code = ExitCode::Invalid;
};
RunLookup look_up_run(const std::string& text, Console& console);

/// The same, and its journal is read.
struct ViewLookup {
  std::optional<RunView> view;
  ExitCode code = ExitCode::Invalid;
};
ViewLookup look_up_view(const std::string& text, Console& console);

}  // namespace runner::cli
