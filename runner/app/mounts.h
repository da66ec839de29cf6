#pragma once

// Files of this machine that tasks ask to see, looked at before the run. Any thread; reads the
// disk.

#include <functional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

/// What stands in the way of the plan's mounts on this machine: nothing is there, the caller may
/// not read (or write) it, it is neither file nor folder, or it is or holds `state_dir`, where runs
/// and their evidence lie. REQUIRES: sources are absolute. `place_of` tells where a node stands in
/// the file; may be empty.
std::vector<dsl::Error> trouble_with_mounts(
    const dsl::Plan& plan,
    const std::string& state_dir,
    const std::function<std::string(std::size_t node)>& place_of);

}  // namespace runner
