#pragma once

// From the plan and the state to what is really run: names, trees and limits beside what work.h
// fills in. Pure but for reading trees. Loop thread.

#include <cstddef>
#include <cstdint>
#include <string>

#include "dsl/result.h"
#include "runner/run/executor.h"
#include "runner/run/work.h"

namespace runner {

// Each returns an Error where an expression cannot be evaluated; that is the node's own failure.
// The `engine` of the result is left to the caller.

dsl::Result<AttemptOrder> attempt_order(const OrderContext& context,
                                        std::size_t node,
                                        std::int64_t now_ms,
                                        std::int64_t since_ms);

dsl::Result<CheckOrder> check_order(const OrderContext& context,
                                    std::size_t node,
                                    std::size_t criterion,
                                    Subject subject);

/// Of a criterion of a merged task on `tree`: `trial` counts the looks at it. REQUIRES: `criterion`
/// is a place in FanIn::criteria.
dsl::Result<CheckOrder> fan_in_order(const OrderContext& context,
                                     std::size_t fan_in,
                                     std::size_t criterion,
                                     std::size_t trial,
                                     const TreeRef& tree);

/// The name of that check's job.
JobName fan_in_job(const OrderContext& context,
                   std::size_t fan_in,
                   std::size_t criterion,
                   std::size_t trial);

/// What the session of a node's agent is kept by: from attempt to attempt, and for a run that goes
/// on from this one.
std::string session_key(const dsl::RunId& run, const dsl::NodeId& node);

/// The name of the job that makes an attempt.
JobName attempt_job(const OrderContext& context, std::size_t node, std::int64_t attempt);

}  // namespace runner
