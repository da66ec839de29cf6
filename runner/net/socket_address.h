#pragma once

// Addresses as the system's calls take them. Pure; any thread.

#include <cstdint>
#include <netinet/in.h>
#include <sys/socket.h>

#include "dsl/ip_address.h"

namespace runner {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// Fills `to`; its size.
socklen_t to_socket_address(const dsl::IpAddress& address, std::uint16_t port, SocketAddress& to);

}  // namespace runner
