#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runner/init/text.h"
#include "runner/init/tools.h"

namespace runner::init {
namespace {

constexpr long kRetryMs = 20;

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

/// A connected socket, or -1.
int connect_to(const Address& address, socklen_t size, long deadline_ms) {
  const int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) {
    return -1;
  }
  int error = connect(fd, &address.any, size) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    const long left = deadline_ms - monotonic_ms();
    pollfd wait{fd, POLLOUT, 0};
    socklen_t error_size = sizeof(error);
    if (poll(&wait, 1, left > 0 ? static_cast<int>(left) : 0) != 1 ||
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) != 0) {
      error = ETIMEDOUT;
    }
  }
  if (error != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

bool is_host(const char* host, const char* name, const char* number) {
  return same(host, name) || same(host, number);
}

}  // namespace

long monotonic_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

int connect_loopback(const char* host, int port, long deadline_ms, bool retry) {
  Address v4{};
  v4.v4.sin_family = AF_INET;
  v4.v4.sin_port = htons(static_cast<uint16_t>(port));
  v4.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Address v6{};
  v6.v6.sin6_family = AF_INET6;
  v6.v6.sin6_port = htons(static_cast<uint16_t>(port));
  v6.v6.sin6_addr = in6addr_loopback;
  for (;;) {
    int fd = -1;
    if (is_host(host, "localhost", "127.0.0.1")) {
      fd = connect_to(v4, sizeof(v4.v4), deadline_ms);
    }
    if (fd < 0 && is_host(host, "localhost", "::1")) {
      fd = connect_to(v6, sizeof(v6.v6), deadline_ms);
    }
    if (fd >= 0 || !retry || monotonic_ms() >= deadline_ms) {
      return fd;
    }
    const timespec pause{0, kRetryMs * 1'000'000};
    nanosleep(&pause, nullptr);
  }
}

int wait_tcp(char** argv) {
  const long port = argv[1] == nullptr ? -1 : parse_number(argv[1]);
  const long timeout = port < 0 || argv[2] == nullptr ? -1 : parse_number(argv[2]);
  if (port < 1 || port > 65535 || timeout < 0) {
    Line().add("pipe-init: usage: wait-tcp PORT TIMEOUT_MS\n").write_to(STDERR_FILENO);
    return kHttpUsage;
  }
  const int fd =
      connect_loopback("localhost", static_cast<int>(port), monotonic_ms() + timeout, true);
  if (fd >= 0) {
    return 0;
  }
  Line()
      .add("nothing accepted on port ")
      .add(port)
      .add(" within ")
      .add(timeout)
      .add(" ms\n")
      .write_to(STDERR_FILENO);
  return kHttpNotConnected;
}

}  // namespace runner::init
