#pragma once

// The plan of a run that goes on from another, with what a person asks beyond it. Pure; any thread.

#include <string>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

/// `plan` is that of the earlier run, `task` the agent that is asked: "" is the only one. What
/// comes after it in the plan runs as it stands. Other agents are not asked again, unless others
/// read what they hand over; their criteria are verified on the new tree all the same, but for
/// those that judge a change. What had to fail on the tree before (`red_first`) did so in the
/// earlier run. Whose session it goes on with is left to the caller (`asked`). Errors: no such
/// agent, or several and none named.
struct ContinuedPlan {
  dsl::Plan plan;
  dsl::NodeIndex asked = 0;
};
dsl::Result<ContinuedPlan> continued_plan(dsl::Plan plan,
                                          const std::string& task,
                                          const std::string& prompt);

}  // namespace runner
