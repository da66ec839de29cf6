#pragma once

// A TLS ClientHello in its records (RFC 8446, 6066), as far as it says whom it is for. Pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace runner {

struct ClientHello {
  enum class State {
    Incomplete,
    Broken,  // not a hello, or one that breaks the rules
    Whole,
  };
  State state = State::Incomplete;
  std::size_t size = 0;     // Whole: bytes of the records that hold it
  std::string server_name;  // as sent; "" none
  bool encrypted = false;   // it has an encrypted hello inside, whose name cannot be seen
  bool early_data = false;
};

/// `bytes` begin with a record.
ClientHello read_client_hello(std::string_view bytes);

}  // namespace runner
