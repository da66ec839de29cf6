#pragma once

// From a plan to the engines and images of its nodes. Loop thread.

#include <functional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/engine/registry.h"
#include "runner/run/engine.h"

namespace runner {

/// The engine of each node; null for a node that starts no container. What stands in the way is
/// added to `problems`, each once.
std::vector<Engine*> choose_engines(const dsl::Plan& plan,
                                    const EngineRegistry& registry,
                                    std::vector<dsl::Error>& problems);

/// Makes the images of all nodes and their services present, each once, and tells the digest of
/// each node's (with those of its services). The Error is that of the first that cannot be had.
/// REQUIRES: `engines` as choose_engines gave them; both outlive the call back.
void prepare_all_images(const dsl::Plan& plan,
                        const std::vector<Engine*>& engines,
                        std::function<void(dsl::Result<std::vector<std::string>>)> done);

}  // namespace runner
