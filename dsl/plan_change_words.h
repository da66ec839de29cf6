#pragma once

// A change between two plans in words, on one line that shows every character. Internal to
// plan_changes. Any thread.

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/value_changes.h"

namespace dsl::change_words {

/// Names of fields as people say them; those that people gave stand as they gave them.
std::string joined(const std::vector<std::string>& path);

/// "budget cost: $20 -> $30", "firewall allow api.test:443 is new". `field` is not empty.
std::string describe(const ValueChange& change, const std::vector<std::string>& field);

/// What a node does, for one that is new, gone or does something else.
std::string action_of(const PlanNode& node);

}  // namespace dsl::change_words
