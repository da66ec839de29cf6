#pragma once

// Where a run stands, as a word and as JSON. Any thread; pure.

#include <cstddef>
#include <string>
#include <string_view>

#include "dsl/value.h"
#include "runner/cli/runs.h"

namespace runner::cli {

enum class RunStatus {
  Passed,
  Failed,
  Errored,
  Skipped,
  Running,      // a process holds it
  Interrupted,  // stopped on request; can go on
  Waiting,      // for a person; can go on with the answer
  Dead,         // its runner was killed, or the machine went down; can go on
};

RunStatus status_of(const RunView& view);
/// "passed", "failed", "error", "skipped", "running", "interrupted", "waiting", "unfinished".
std::string_view to_text(RunStatus status);
/// Finished for good: `pipe resume` has nothing to do.
bool is_finished(RunStatus status);

struct TaskCount {
  std::size_t all = 0;
  std::size_t settled = 0;
};
/// Tasks; instances in the place of what they are instances of.
TaskCount count_tasks(const RunState& state);

/// {run, pipeline, status, started_at_ms, took_ms, tasks, settled, result}.
dsl::Value::Record summary_record(const RunView& view);
/// The same, and {nodes: [{node, phase, stage, outcome, …, criteria: […]}]}.
dsl::Value::Record whole_record(const RunView& view);

}  // namespace runner::cli
