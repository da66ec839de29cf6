#pragma once

// Descriptors that go from process to process in a message of a Unix socket (SCM_RIGHTS). Any
// thread.

#include <cstddef>
#include <span>
#include <vector>

#include "runner/sys/fd.h"

namespace runner {

/// Sends one message of at least a byte. `flags` as of sendmsg(2). False: errno says why.
bool send_descriptors(int socket,
                      std::span<const std::byte> bytes,
                      std::span<const int> descriptors,
                      int flags);

struct DescriptorMessage {
  std::ptrdiff_t size = -1;  // of the bytes; -1: errno says why there is no message
  bool is_whole = false;     // neither bytes nor descriptors had to be cut off
  std::vector<Fd> descriptors;
};

/// Takes one message, of which the bytes come to `bytes`; all its descriptors are close-on-exec.
/// `flags` as of recvmsg(2).
DescriptorMessage receive_descriptors(int socket,
                                      std::span<std::byte> bytes,
                                      std::size_t most_descriptors,
                                      int flags);

}  // namespace runner
