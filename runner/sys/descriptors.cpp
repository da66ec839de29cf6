#include "runner/sys/descriptors.h"

#include <cstring>
#include <sys/socket.h>

namespace runner {
namespace {

/// Room for one control message of so many descriptors; from the heap, so aligned for any of it.
std::vector<char> control_for(std::size_t descriptors) {
  return std::vector<char>(CMSG_SPACE(descriptors * sizeof(int)));
}

}  // namespace

bool send_descriptors(int socket,
                      std::span<const std::byte> bytes,
                      std::span<const int> descriptors,
                      int flags) {
  iovec data{const_cast<std::byte*>(bytes.data()), bytes.size()};
  std::vector<char> control = control_for(descriptors.size());
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  return sendmsg(socket, &message, flags) >= 0;
}

DescriptorMessage receive_descriptors(int socket,
                                      std::span<std::byte> bytes,
                                      std::size_t most_descriptors,
                                      int flags) {
  iovec data{bytes.data(), bytes.size()};
  std::vector<char> control = control_for(most_descriptors);
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  DescriptorMessage received;
  received.size = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
  if (received.size < 0) {
    return received;
  }
  received.is_whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
      continue;
    }
    std::vector<int> numbers((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(numbers.data(), CMSG_DATA(header), numbers.size() * sizeof(int));
    for (const int number : numbers) {
      received.descriptors.emplace_back(number);
    }
  }
  return received;
}

}  // namespace runner
