#pragma once

// What of a change between two plans lets a run do more, spend more or be judged less strictly.
// What nobody can compare (another check in place of one) counts. Internal to plan_changes. Any
// thread.

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/value_changes.h"

namespace dsl {

/// `field`: the path within the task, pipeline or phase, never empty. `node`: what a task is now,
/// if the change is one's.
bool widens(const ValueChange& change,
            const std::vector<std::string>& field,
            const PlanNode* node = nullptr);

/// Of a task that was not there before, a member that can widen what the run may do: what it runs
/// inside its container is told with it.
bool may_reach_further(const std::string& member);

}  // namespace dsl
