#pragma once

// What the commits of a run's branch say: the task, and trailers that lead from a line of code back
// to the run and to what was verified. Pure; any thread.

#include <vector>

#include "runner/run/event.h"
#include "runner/run/run_state.h"
#include "runner/store/verified_history.h"

namespace runner {

/// One for every task that passed and changed something. `events` are those that `state` was made
/// of: the cost is that of all attempts, as the agent told it.
std::vector<VerifiedCommit> verified_commits(const RunState& state,
                                             const std::vector<Event>& events);

}  // namespace runner
