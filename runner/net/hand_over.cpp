#include "runner/net/hand_over.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

#include "runner/init/protocol.h"

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

bool is_listener(const Fd& socket, std::uint16_t port) {
  return option_of(socket, SO_DOMAIN) == AF_INET && option_of(socket, SO_TYPE) == SOCK_STREAM &&
         option_of(socket, SO_ACCEPTCONN) == 1 && port_of(socket) == port;
}

/// Takes whatever descriptors came with the message.
std::vector<Fd> take_descriptors(const msghdr& message) {
  std::vector<Fd> descriptors;
  for (const cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(const_cast<msghdr*>(&message), const_cast<cmsghdr*>(header))) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::vector<int> numbers(count);
    std::memcpy(numbers.data(), CMSG_DATA(header), count * sizeof(int));
    for (const int number : numbers) {
      descriptors.emplace_back(number);
    }
  }
  return descriptors;
}

}  // namespace

dsl::Result<HandedOver> receive_hand_over(int socket) {
  std::array<std::uint16_t, init::kMostEgressPorts> ports{};
  constexpr std::size_t kMostDescriptors = init::kMostEgressPorts + 2;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMostDescriptors * sizeof(int))> control{};
  iovec bytes{ports.data(), sizeof(ports)};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (got < 0) {
    return broken(strerrordesc_np(errno));
  }
  std::vector<Fd> descriptors = take_descriptors(message);
  const std::size_t count = static_cast<std::size_t>(got) / sizeof(std::uint16_t);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0 || descriptors.size() != count + 2) {
    return broken("some did not arrive");
  }
  HandedOver over;
  over.dns_datagrams = std::move(descriptors[0]);
  over.dns_streams = std::move(descriptors[1]);
  if (option_of(over.dns_datagrams, SO_DOMAIN) != AF_INET ||
      option_of(over.dns_datagrams, SO_TYPE) != SOCK_DGRAM ||
      !is_listener(over.dns_streams, init::kDnsPort)) {
    return broken("one is not what it should be");
  }
  fcntl(over.dns_datagrams.get(), F_SETFL, O_NONBLOCK);
  fcntl(over.dns_streams.get(), F_SETFL, O_NONBLOCK);
  for (std::size_t i = 0; i < count; ++i) {
    Fd& listener = descriptors[i + 2];
    if (!is_listener(listener, ports[i])) {
      return broken("one is not what it should be");
    }
    fcntl(listener.get(), F_SETFL, O_NONBLOCK);
    over.listeners.emplace_back(ports[i], std::move(listener));
  }
  return over;
}

}  // namespace runner
