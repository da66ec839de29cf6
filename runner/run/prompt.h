#pragma once

// What an agent is asked: what its step and whoever started the run say, and what it is told of the
// project and of the work before its own. Pure but for reading trees. Loop thread.

#include <cstddef>
#include <string>

#include "dsl/result.h"
#include "runner/run/work.h"

namespace runner {

// Each returns an Error where an expression cannot be evaluated; that is the node's own failure.

/// All that does not follow from the node's input alone, for a result's key. `input` is what the
/// node starts from.
dsl::Result<std::string> stated_prompt(const OrderContext& context,
                                       std::size_t node,
                                       const TreeRef& input);

/// What the agent is asked at first: that, and what files of its input say.
dsl::Result<std::string> first_prompt(const OrderContext& context,
                                      std::size_t node,
                                      const TreeRef& input);

}  // namespace runner
