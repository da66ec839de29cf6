#pragma once

// From a plan to the engines and images of its nodes. Loop thread.

#include <functional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/engine/registry.h"
#include "runner/run/engine.h"
#include "runner/run/preflight.h"

namespace runner {

/// The engine of each node; null for a node that starts no container. What stands in the way is
/// added to `problems`, each once, with the place of the first node that it is about.
std::vector<Engine*> choose_engines(const dsl::Plan& plan,
                                    const EngineRegistry& registry,
                                    const PlaceOfNode& place_of,
                                    std::vector<dsl::Error>& problems);

struct NodeImages {
  std::vector<std::string> digests;  // of each node's image, with those of its services
  std::vector<dsl::Error> problems;  // with images that cannot be had, in the order of the plan
};

/// Makes the images of all nodes and their services present, each once.
/// REQUIRES: `engines` as choose_engines gave them; both outlive the call back.
void prepare_all_images(const dsl::Plan& plan,
                        const std::vector<Engine*>& engines,
                        const PlaceOfNode& place_of,
                        std::function<void(NodeImages)> done);

}  // namespace runner
