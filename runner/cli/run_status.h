#pragma once

// Where a run stands, as a word and as JSON. Main thread.

#include <string>
#include <string_view>

#include "dsl/value.h"
#include "runner/cli/runs.h"
#include "runner/report/run_summary.h"

namespace runner::cli {

enum class RunStatus {
  Passed,
  Undone,       // passed, and its result was taken out of the project again
  Undelivered,  // passed, and the result is not where it was to go; can go on
  Failed,
  Errored,  // the world kept it from running; can go on
  Skipped,
  Running,      // a process holds it
  Parked,       // … and waits for the rate limit of a model's provider to end
  Interrupted,  // stopped on request; can go on
  Waiting,      // for a person; can go on with the answer
  Answered,     // a person has spoken, and nobody has gone on with it since
  Dead,         // its runner was killed, or the machine went down; can go on
};

RunStatus status_of(const RunView& view);
/// "passed", "undone", "undelivered", "failed", "error", "skipped", "running", "parked",
/// "interrupted", "waiting", "answered", "unfinished".
std::string_view to_text(RunStatus status);
/// Finished for good: `pipe resume` has nothing to do.
bool is_finished(RunStatus status);

/// What a list says of a run.
struct RunOverview {
  dsl::RunId run;
  std::string folder;  // absolute
  RunStatus status = RunStatus::Dead;
  report::RunSummary summary;
};
RunOverview overview_of(const RunView& view);
/// From what its runner kept of a finished run, from the journal of any other.
dsl::Result<RunOverview> look_over(const Runs& runs, const dsl::RunId& run);

/// {run, pipeline, status, started_at_ms, took_ms, tasks, settled, result, folder}.
dsl::Value::Record summary_record(const RunOverview& overview);
/// The same, and {nodes: [{node, phase, stage, outcome, …, criteria: […]}]}.
dsl::Value::Record whole_record(const RunView& view);

}  // namespace runner::cli
