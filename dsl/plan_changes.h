#pragma once

// What differs between two sealed plans, in words, and what of it lets a run do more, spend more or
// be judged less strictly. Any thread.

#include <string>
#include <vector>

#include "dsl/sealed_plan.h"

namespace dsl {

struct PlanChange {
  std::string part;     // "task 'build'", "the pipeline", "the input", …
  std::string text;     // what is different, one line
  bool widens = false;  // egress, secrets, budgets, limits, permissions, Docker, judgement
  bool operator==(const PlanChange&) const = default;
};

/// Every difference of what is sealed; none exactly where a run from one may do what the other
/// says. What nobody can compare (another check in place of one) counts as widening.
std::vector<PlanChange> plan_changes(const SealedPlan& before, const SealedPlan& after);

}  // namespace dsl
