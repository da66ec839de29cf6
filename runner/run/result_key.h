#pragma once

// By what a result is looked up in the cache. Pure but for reading trees. Loop thread.

#include <cstddef>
#include <string>

#include "dsl/result.h"
#include "runner/run/work.h"

namespace runner {

/// What the node's result depends on, as 64 hex digits: its definition, its images, the input tree,
/// protected files, and all that it, its services and its criteria are run with, but for PIPE_RUN
/// and PIPE_ATTEMPT. "" for a node that is never reused. An Error where an expression cannot be
/// evaluated.
dsl::Result<std::string> result_key(const OrderContext& context,
                                    std::size_t node,
                                    const TreeRef& input,
                                    const std::string& image_digest);

/// What the verdict on one criterion of the node on `tree` depends on, whoever made the tree; the
/// same form, "" and Errors. REQUIRES: the criterion is of a tree (fan_in.h).
dsl::Result<std::string> check_key(const OrderContext& context,
                                   std::size_t node,
                                   std::size_t criterion,
                                   const TreeRef& tree,
                                   const std::string& image_digest);

}  // namespace runner
