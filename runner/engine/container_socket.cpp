#include "runner/engine/container_socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

#include "runner/sys/send.h"

namespace runner {
namespace {

constexpr std::size_t kReadSize = std::size_t{64} * 1024;

/// A socket that is connected, or the errno that says why it is not.
struct Connected {
  Fd fd;
  int error = 0;
};

Connected connect_to(const std::string& path, int flags) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return {Fd(), ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd)
    return {Fd(), errno};
  const void* raw = &address;
  if (connect(fd.get(), static_cast<const sockaddr*>(raw), sizeof(address)) != 0)
    return {Fd(), errno};
  return {std::move(fd), 0};
}

}  // namespace

SocketCheck check_socket(const std::string& socket) {
  const Connected connected = connect_to(socket, 0);
  SocketCheck check;
  check.listening = connected.error == 0;
  check.down.detail = connected.error == 0 ? "" : strerrordesc_np(connected.error);
  switch (connected.error) {
    case ENOENT:
    case ENOTDIR:
      check.down.reason = ApiDown::Reason::NoSocket;
      break;
    case ECONNREFUSED:
      check.down.reason = ApiDown::Reason::NobodyListens;
      break;
    case EACCES:
    case EPERM:
      check.down.reason = ApiDown::Reason::NoPermission;
      break;
    default:
      check.down.reason = ApiDown::Reason::Broken;
  }
  return check;
}

dsl::Error no_answer(const std::string& socket, const std::string& why) {
  return {fmt::format("the container engine does not answer on '{}': {}", socket, why),
          "see whether it still runs: docker info, or podman info"};
}

void ContainerSocket::open(std::string first,
                           std::function<void(std::string_view)> received,
                           std::function<void(dsl::Error)> failed) {
  outgoing_ = std::move(first);
  received_ = std::move(received);
  failed_ = std::move(failed);
  retry_ = loop_.start_timer(dsl::Duration{0}, [this] { connect(); });
}

void ContainerSocket::send(std::string_view bytes) {
  outgoing_ += bytes;
  if (fd_)
    flush();
}

void ContainerSocket::finish() {
  finishing_ = true;
  if (fd_)
    flush();
}

void ContainerSocket::close() {
  if (retry_ != 0)
    loop_.cancel_timer(std::exchange(retry_, 0));
  if (readable_ != 0)
    loop_.unwatch(std::exchange(readable_, 0));
  if (writable_ != 0)
    loop_.unwatch(std::exchange(writable_, 0));
  fd_.reset();
}

void ContainerSocket::connect() {
  retry_ = 0;
  Connected connected = connect_to(path_, SOCK_NONBLOCK);
  if (connected.error == EAGAIN) {  // its queue is full: it is busy, not gone
    retry_ = loop_.start_timer(dsl::Duration{10}, [this] { connect(); });
    return;
  }
  if (connected.error != 0) {
    fail(connected.error);
    return;
  }
  fd_ = std::move(connected.fd);
  readable_ = loop_.watch_readable(fd_.get(), [this] { read(); });
  flush();
}

void ContainerSocket::flush() {
  const Sent sent = send_from(fd_.get(), outgoing_);
  if (sent == Sent::Blocked) {
    if (writable_ == 0)
      writable_ = loop_.watch_writable(fd_.get(), [this] { flush(); });
    return;
  }
  if (sent == Sent::Broken)
    outgoing_.clear();  // the reading side will tell the end
  if (writable_ != 0)
    loop_.unwatch(std::exchange(writable_, 0));
  if (finishing_)
    shutdown(fd_.get(), SHUT_WR);
}

/// One piece a round, so that a container that floods its log leaves room for the others.
void ContainerSocket::read() {
  static thread_local std::array<char, kReadSize> buffer;
  const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
  if (got > 0) {
    received_({buffer.data(), static_cast<std::size_t>(got)});
  } else if (got == 0 || errno == ECONNRESET) {
    loop_.unwatch(std::exchange(readable_, 0));
    received_({});
  } else if (errno != EAGAIN && errno != EINTR) {
    fail(errno);
  }
}

void ContainerSocket::fail(int number) {
  close();
  const auto then = std::move(failed_);  // it may destroy us
  then(no_answer(path_, strerrordesc_np(number)));
}

}  // namespace runner
