#pragma once

// From the plan and the state to what is really run: expressions filled in, criteria picked, the
// key of the result cache computed. Pure but for reading trees.

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/executor.h"
#include "runner/run/run_state.h"

namespace runner {

/// What is the same for every order of a run.
struct OrderContext {
  const RunState& state;
  Trees& trees;
  std::string job_prefix = "pipe";
};

// Each returns an Error where an expression cannot be evaluated; that is the node's own failure.
// The `engine` of the result is left to the caller.

dsl::Result<AttemptOrder> attempt_order(const OrderContext& context,
                                        std::size_t node,
                                        std::int64_t now_ms);

dsl::Result<CheckOrder> check_order(const OrderContext& context,
                                    std::size_t node,
                                    std::size_t criterion,
                                    Subject subject);

/// The name of the job that makes an attempt.
JobName attempt_job(const OrderContext& context, std::size_t node, std::int64_t attempt);

/// What the node's result depends on, as 64 hex digits: its definition, the image, the input tree,
/// protected files, and all that it, its services and its criteria are run with, but for PIPE_RUN
/// and PIPE_ATTEMPT. "" for a node that is never reused.
dsl::Result<std::string> result_key(const OrderContext& context,
                                    std::size_t node,
                                    const TreeRef& input,
                                    const std::string& image_digest);

/// For the next attempt: which criteria failed, how, and the end of their output. "" where nothing
/// has failed yet or the node does not ask for feedback.
std::string feedback_text(const RunState& state, std::size_t node);

}  // namespace runner
