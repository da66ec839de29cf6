#pragma once

// Files of this machine that tasks ask to see, looked at before the run. Any thread; reads the
// disk.

#include <functional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"

namespace runner {

/// What stands in the way of the plan's mounts and root filesystems on this machine: nothing is
/// there, the caller may not read (or write) it, it is neither file nor folder, it is or holds
/// `state_dir`, where runs and their evidence lie, or the socket of a container engine or of the
/// system's own daemon. `engine_sockets`: paths of more of these. REQUIRES: sources are absolute.
/// `place_of` tells where a node stands in the file; may be empty.
std::vector<dsl::Error> trouble_with_host_files(
    const dsl::Plan& plan,
    const std::string& state_dir,
    const std::vector<std::string>& engine_sockets,
    const std::function<std::string(std::size_t node)>& place_of);

}  // namespace runner
