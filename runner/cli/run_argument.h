#pragma once

// The RUN that many commands take: opened, found, or complained about. All runs of a user are in
// one store, and `latest` is the latest of the project that the user stands in. Main thread.

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

/// What a command is about to do with the run.
enum class Purpose {
  Look,  // where the project has no run, the latest of all is shown, and whose it is is said
  Act,   // on the project, the run or a file: a run of another project must be named, and is told
};

/// `text` "" is the latest run. No value: exit with `code`, everything is said.
struct RunLookup {
  std::optional<NamedRun> found;
  ExitCode code = ExitCode::Invalid;
};
RunLookup look_up_run(const std::string& text, Purpose purpose, Console& console);

/// Of runs that are open. The Error says how to name another.
dsl::Result<dsl::RunId> find_run(const Runs& runs,
                                 const std::string& text,
                                 Purpose purpose,
                                 Console& console);

/// The same, and its journal is read.
struct ViewLookup {
  std::optional<RunView> view;
  ExitCode code = ExitCode::Invalid;
};
ViewLookup look_up_view(const std::string& text, Purpose purpose, Console& console);

}  // namespace runner::cli
