#include "runner/sys/send.h"

#include <cerrno>
#include <cstddef>
#include <sys/socket.h>

namespace runner {

Sent send_from(int socket, std::string& bytes) {
  std::size_t sent = 0;
  Sent how = Sent::All;
  while (sent < bytes.size() && how == Sent::All) {
    const ssize_t put =
        ::send(socket, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0) {
      sent += static_cast<std::size_t>(put);
    } else if (errno == EAGAIN) {
      how = Sent::Blocked;
    } else if (errno != EINTR) {
      how = Sent::Broken;
    }
  }
  bytes.erase(0, sent);
  return how;
}

}  // namespace runner
