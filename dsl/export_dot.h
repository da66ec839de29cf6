#pragma once

// A plan as a Graphviz digraph: a cluster a phase, the gate at its end. Pure, any thread.

#include <string>

#include "dsl/plan.h"

namespace dsl {

/// Names are escaped; node ids of the output are "n0", "n1", … by NodeIndex.
std::string export_dot(const Plan& plan);

}  // namespace dsl
