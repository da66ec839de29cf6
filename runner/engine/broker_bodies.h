#pragma once

// The bodies of requests to a Docker broker: read strictly, and written anew.
// Pure; any thread.

#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/engine/broker_rules.h"

namespace runner {

/// What the daemon is given to make a container from what a node asked for, or
/// why not.
dsl::Result<std::string> container_to_create(std::string_view body, const BrokerOwner& owner);
/// The same for a command in a container.
dsl::Result<std::string> exec_to_create(std::string_view body);

struct ExecStart {
  std::string body;
  bool detached = false;
};
dsl::Result<ExecStart> exec_to_start(std::string_view body);

}  // namespace runner
