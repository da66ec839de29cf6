#pragma once

// What a node, its services and its checks are run with: every template of the plan filled in. Pure
// but for reading trees. Loop thread.

#include <cstddef>
#include <cstdint>
#include <string>

#include "dsl/result.h"
#include "runner/run/executor.h"
#include "runner/run/run_state.h"

namespace runner {

/// What is the same for every order of a run.
struct OrderContext {
  const RunState& state;
  Trees& trees;
  std::string job_prefix = "pipe";
  Secrets* secrets = nullptr;  // null: no node has any
};

inline constexpr const char* kRunVariable = "PIPE_RUN";
inline constexpr const char* kAttemptVariable = "PIPE_ATTEMPT";

// Each returns an Error where an expression cannot be evaluated; that is the node's own failure.
// Trees, names and limits of the result are left to the caller.

/// Of an attempt of the node.
dsl::Result<WorkOrder> attempt_work(const OrderContext& context,
                                    std::size_t node,
                                    std::int64_t attempt);

/// Of a check in a container.
struct CheckWork {
  WorkOrder work;
  std::string url;  // of an http check
};
dsl::Result<CheckWork> check_work(const OrderContext& context,
                                  std::size_t node,
                                  const dsl::Criterion& criterion,
                                  std::int64_t attempt);

/// A text of the plan's node.
dsl::Result<std::string> filled(const OrderContext& context,
                                std::size_t node,
                                const dsl::Template& text);

}  // namespace runner
