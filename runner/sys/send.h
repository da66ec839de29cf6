#pragma once

#include <string>

namespace runner {

enum class Sent {
  All,
  Blocked,  // the rest when the socket is writable
  Broken,   // nobody reads any more; errno says why
};

/// Sends what the stream socket takes at once, and removes it from `bytes`. Raises no SIGPIPE. Any
/// thread.
Sent send_from(int socket, std::string& bytes);

}  // namespace runner
