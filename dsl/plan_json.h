#pragma once

// Plan <-> JSON, in the shape of schemas/plan.schema.json: every field always present, null when
// absent; `plan -> json -> plan` is the identity. Any thread.

#include <string>
#include <string_view>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace dsl {

enum class JsonLayout { Compact, Indented };

std::string plan_to_json(const Plan& plan, JsonLayout layout);

/// The JSON of one node alone, compact: what a node's cache key is made from.
std::string node_to_json(const PlanNode& node);

/// An Error names the JSON pointer of the first thing that does not fit, or says that the document
/// is of a newer version.
Result<Plan> plan_from_json(std::string_view text);

}  // namespace dsl
