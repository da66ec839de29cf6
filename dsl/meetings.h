#pragma once

// Where the work of parallel tasks meets for the first time, and what is therefore verified again
// there, as far as a plan shows it: as if every task changed something. Any thread; pure.

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "dsl/plan.h"

namespace dsl {

struct Meeting {
  std::optional<NodeIndex> node;  // what starts from the merge; no value: the run's result
  std::vector<NodeIndex> tasks;   // in the plan's order: those whose criteria are looked at again
  std::size_t criteria = 0;
  /// All looks at their limits, those by which a culprit is found included.
  Duration worst{0};
};

/// In the order of the nodes, the result last. A large plan has as many of them, each with many
/// tasks: they are told one by one.
void for_each_meeting(const Plan& plan, const std::function<void(const Meeting&)>& see);

/// What a merge may break: not a task's own change, and no person's word.
bool is_of_a_tree(const Criterion& criterion);

}  // namespace dsl
