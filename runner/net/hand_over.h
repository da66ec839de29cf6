#pragma once

// Our end of what pipe-init sends over a door's socket (runner/init/protocol.h): the sockets that
// it bound inside a node's namespace. Loop thread.

#include <cstdint>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// All of them non-blocking, and what they were checked to be.
struct HandedOver {
  Fd dns_datagrams;                                     // UDP
  Fd dns_streams;                                       // TCP, listening
  std::vector<std::pair<std::uint16_t, Fd>> listeners;  // TCP, by port
  std::vector<std::pair<std::uint16_t, Fd>> datagrams;  // UDP, by port; they tell where to
};

/// Takes the one message of this connection. An Error: it is not what was agreed, and whatever came
/// is closed.
dsl::Result<HandedOver> receive_hand_over(int door);

}  // namespace runner
