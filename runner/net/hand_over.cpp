#include "runner/net/hand_over.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <span>
#include <string>
#include <sys/socket.h>

#include "runner/init/protocol.h"
#include "runner/sys/descriptors.h"

namespace runner {
namespace {

dsl::Error broken(const char* what) {
  return {std::string("the listening sockets of a network: ") + what, ""};
}

int option_of(const Fd& socket, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  return getsockopt(socket.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

std::uint16_t port_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  const bool known = getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0;
  return known ? ntohs(address.sin_port) : std::uint16_t{0};
}

bool is_datagram(const Fd& socket, std::uint16_t port) {
  return option_of(socket, SO_DOMAIN) == AF_INET && option_of(socket, SO_TYPE) == SOCK_DGRAM &&
         port_of(socket) == port;
}

bool is_listener(const Fd& socket, std::uint16_t port) {
  return option_of(socket, SO_DOMAIN) == AF_INET && option_of(socket, SO_TYPE) == SOCK_STREAM &&
         option_of(socket, SO_ACCEPTCONN) == 1 && port_of(socket) == port;
}

}  // namespace

dsl::Result<HandedOver> receive_hand_over(int door) {
  std::array<init::EgressPort, init::kMostEgressPorts> ports{};
  constexpr std::size_t kMostDescriptors = init::kMostEgressPorts + 2;
  DescriptorMessage message = receive_descriptors(
      door, std::as_writable_bytes(std::span(ports)), kMostDescriptors, MSG_DONTWAIT);
  if (message.size < 0) {
    return broken(strerrordesc_np(errno));
  }
  std::vector<Fd>& descriptors = message.descriptors;
  const std::size_t count = static_cast<std::size_t>(message.size) / sizeof(init::EgressPort);
  if (!message.is_whole || descriptors.size() != count + 2) {
    return broken("some did not arrive");
  }
  HandedOver over;
  over.dns_datagrams = std::move(descriptors[0]);
  over.dns_streams = std::move(descriptors[1]);
  if (!is_datagram(over.dns_datagrams, init::kDnsPort) ||
      !is_listener(over.dns_streams, init::kDnsPort)) {
    return broken("one is not what it should be");
  }
  fcntl(over.dns_datagrams.get(), F_SETFL, O_NONBLOCK);
  fcntl(over.dns_streams.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t i = 0; i < count; ++i) {
    Fd& socket = descriptors[i + 2];
    const init::EgressPort port = ports[i];
    const bool is_udp = port.kind == init::kDatagrams;
    if (is_udp ? !is_datagram(socket, port.number) : !is_listener(socket, port.number)) {
      return broken("one is not what it should be");
    }
    fcntl(socket.get(), F_SETFL, O_NONBLOCK);
    (is_udp ? over.datagrams : over.listeners).emplace_back(port.number, std::move(socket));
  }
  return over;
}

}  // namespace runner
