#pragma once

// What the commits of a run's branch say: the pipeline's own words, and trailers that lead from a
// line of code back to the run, the task and what was verified. Pure; any thread.

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "runner/run/run_state.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"
#include "runner/store/verified_history.h"

namespace runner {

/// One for every task that passed and changed something. Its cost is what all attempts spent, where
/// that was metered, else what the agent told of them.
std::vector<VerifiedCommit> verified_commits(const RunState& state);

/// The run's result, with a history of verified tasks where somebody will read it.
dsl::Result<TreeRef> result_for_people(TreeStore& store,
                                       const Project& project,
                                       const RunState& state);

/// What stands in the pull request of a run that passed: the plan's words above its checklist.
dsl::PullRequest pull_request_of(const RunState& state, dsl::PullRequest wanted);

}  // namespace runner
