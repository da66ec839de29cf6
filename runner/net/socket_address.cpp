#include "runner/net/socket_address.h"

#include <cstring>

namespace runner {

socklen_t to_socket_address(const dsl::IpAddress& address, std::uint16_t port, SocketAddress& to) {
  std::memset(&to, 0, sizeof(to));
  if (address.v4) {
    to.v4.sin_family = AF_INET;
    to.v4.sin_port = htons(port);
    std::memcpy(&to.v4.sin_addr, address.bytes.data(), sizeof(to.v4.sin_addr));
    return sizeof(to.v4);
  }
  to.v6.sin6_family = AF_INET6;
  to.v6.sin6_port = htons(port);
  std::memcpy(&to.v6.sin6_addr, address.bytes.data(), sizeof(to.v6.sin6_addr));
  return sizeof(to.v6);
}

}  // namespace runner
