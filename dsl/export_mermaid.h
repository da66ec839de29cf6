#pragma once

// A plan as a Mermaid flowchart, for Markdown pages: a subgraph a phase, the gate at its end. Pure,
// any thread.

#include <string>

#include "dsl/plan.h"

namespace dsl {

/// Names are escaped as Mermaid's entities; node ids of the output are "n0", "n1", …
std::string export_mermaid(const Plan& plan);

}  // namespace dsl
