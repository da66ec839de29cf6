#pragma once

// Plans that nobody would write, for properties that must hold for all of them.

#include <cstdint>

#include "dsl/plan.h"

namespace dsl {

/// The same plan for the same seed; at most `nodes` nodes.
Plan random_plan(std::uint32_t seed, std::size_t nodes);

}  // namespace dsl
