#include "runner/engine/network_namespace.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "runner/engine/sandbox_trouble.h"
#include "runner/sys/descriptors.h"
#include "runner/sys/unix_socket.h"

namespace runner {
namespace {

/// The descriptor that comes with the next message, or none.
Fd receive_descriptor(int socket) {
  std::byte byte{};
  DescriptorMessage message = receive_descriptors(socket, std::span(&byte, 1), 1, MSG_DONTWAIT);
  return message.size == 1 && message.descriptors.size() == 1 ? std::move(message.descriptors[0])
                                                              : Fd();
}

std::string read_line(int fd) {
  std::array<char, 1024> bytes{};
  const ssize_t got = read(fd, bytes.data(), bytes.size());
  const std::string text(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  return text.substr(0, text.find('\n'));
}

}  // namespace

dsl::Result<std::unique_ptr<NetworkMaker>> NetworkMaker::start(
    EventLoop& loop,
    const std::string& init,
    const EgressDoor* door,
    std::function<void(dsl::Result<NetworkNamespace>)> done) {
  std::array<int, 2> sockets{};
  std::array<int, 2> errors{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) != 0 ||
      pipe2(errors.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return dsl::Error{std::string("make a socket: ") + strerrordesc_np(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  auto maker = std::make_unique<NetworkMaker>();
  maker->done_ = std::move(done);
  maker->socket_ = Fd(sockets[0]);
  maker->errors_ = Fd(errors[0]);
  const Fd their_socket(sockets[1]);
  const Fd their_errors(errors[1]);

  SpawnRequest request;
  request.argv = {init, "new-network", "--control", "3"};
  if (geteuid() != 0) {
    request.argv.insert(request.argv.end(),
                        {"--new-user", std::to_string(geteuid()), std::to_string(getegid())});
  }
  request.descriptors = {{their_socket.get(), 3}, {their_errors.get(), STDERR_FILENO}};
  Fd to_door;
  if (door != nullptr) {
    auto connected = connect_unix(door->socket);
    if (!connected) {
      return connected.error();
    }
    to_door = std::move(*connected);
    request.descriptors.emplace_back(to_door.get(), 4);
    request.argv.insert(request.argv.end(), {"--egress", "4"});
    for (const std::uint16_t port : door->ports) {
      request.argv.insert(request.argv.end(), {"--port", std::to_string(port)});
    }
  }
  auto process = Process::spawn(
      loop, request, [self = maker.get()](int wait_status) { self->on_exit(wait_status); });
  if (!process) {
    return process.error();
  }
  maker->process_ = std::move(*process);
  return maker;
}

void NetworkMaker::on_exit(int wait_status) {
  NetworkNamespace made;
  if (geteuid() != 0) {
    made.user = receive_descriptor(socket_.get());
  }
  made.network = receive_descriptor(socket_.get());
  const auto done = std::move(done_);  // it may destroy us
  if (wait_status != 0 || !made.network) {
    done(sandbox_trouble(read_line(errors_.get()), wait_status));
    return;
  }
  done(std::move(made));
}

}  // namespace runner
