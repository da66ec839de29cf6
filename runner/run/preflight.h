#pragma once

// What stands in the way of a run, all of it, before anything starts: parts of the language that
// this version cannot make true yet, and whatever an engine cannot provide or enforce. Nothing that
// a plan asks for is ever ignored. Loop thread.

#include <functional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/engine.h"

namespace runner {

/// `engines` by plan node, null for nodes that start no container. Each problem names the nodes
/// that it is about, where the first of them stands (`place_of`, where there is one) and what can
/// be done; empty: the run may start.
using PlaceOfNode = std::function<std::string(std::size_t node)>;
std::vector<dsl::Error> preflight(const dsl::Plan& plan,
                                  const std::vector<Engine*>& engines,
                                  const PlaceOfNode& place_of = {});

}  // namespace runner
