#pragma once

// What a node's expressions see during a run. Pure.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "dsl/expression.h"
#include "runner/run/run_state.h"

namespace runner {

using HashFiles = std::function<dsl::Result<std::string>(const std::vector<std::string>& globs)>;

/// REQUIRES: the node's needs are settled. `hash_files` reads the tree that is meant.
dsl::Scope scope_of(const RunState& state, std::size_t node, HashFiles hash_files);

}  // namespace runner
