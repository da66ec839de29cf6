#include "runner/engine/network_namespace.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <span>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
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

void lead_to(const Fd& to_door, int number, const EgressDoor& door, SpawnRequest& request) {
  request.descriptors.emplace_back(to_door.get(), number);
  request.argv.insert(request.argv.end(), {"--egress", std::to_string(number)});
  for (const std::uint16_t port : door.ports) {
    request.argv.insert(request.argv.end(), {"--port", std::to_string(port)});
  }
  for (const std::uint16_t port : door.datagram_ports) {
    request.argv.insert(request.argv.end(), {"--datagram-port", std::to_string(port)});
  }
  if (door.every_address) {
    request.argv.emplace_back("--every-address");
  }
}

/// The same file, as far as both are known.
bool is_same(const struct stat& left, const struct stat& right) {
  return left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}

bool is_our_own(const Fd& space, const char* our_path) {
  struct stat theirs {};
  struct stat ours {};
  return fstat(space.get(), &theirs) != 0 || stat(our_path, &ours) != 0 || is_same(theirs, ours);
}

}  // namespace

dsl::Result<std::optional<NetworkNamespace>> open_network_of(pid_t process,
                                                             const std::string& program) {
  const auto fail = [&](const std::string& why) {
    return dsl::Error{"enter the network of process " + std::to_string(process) + ": " + why,
                      "run pipe on the machine of the container engine, as the engine's user"};
  };
  // As long as this is open it is the same process, or none.
  const Fd folder(
      open(("/proc/" + std::to_string(process)).c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat runs {};
  struct stat ours {};
  if (!folder || fstatat(folder.get(), "exe", &runs, 0) != 0) {
    return fail(strerrordesc_np(errno));
  }
  if (stat(program.c_str(), &ours) != 0 || !is_same(runs, ours)) {
    return std::optional<NetworkNamespace>();
  }
  NetworkNamespace found;
  found.network = Fd(openat(folder.get(), "ns/net", O_RDONLY | O_CLOEXEC));
  if (!found.network) {
    return fail(strerrordesc_np(errno));
  }
  if (is_our_own(found.network, "/proc/self/ns/net")) {
    return fail("it has no network of its own");
  }
  found.user = Fd(ioctl(found.network.get(), NS_GET_USERNS));
  if (!found.user) {
    return fail(strerrordesc_np(errno));
  }
  if (is_our_own(found.user, "/proc/self/ns/user")) {
    found.user.reset();
  }
  return std::optional(std::move(found));
}

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
    lead_to(to_door, 4, *door, request);
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

dsl::Result<std::unique_ptr<NetworkLeader>> NetworkLeader::start(
    EventLoop& loop,
    const std::string& init,
    const NetworkNamespace& network,
    const Fd& to_door,
    const EgressDoor& door,
    std::function<void(dsl::Status)> done) {
  std::array<int, 2> errors{};
  if (pipe2(errors.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
    return dsl::Error{std::string("make a pipe: ") + strerrordesc_np(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  auto leader = std::make_unique<NetworkLeader>();
  leader->done_ = std::move(done);
  leader->errors_ = Fd(errors[0]);
  const Fd their_errors(errors[1]);

  SpawnRequest request;
  request.argv = {init, "lead-network", "--network", "3"};
  request.descriptors = {{network.network.get(), 3}, {their_errors.get(), STDERR_FILENO}};
  if (network.user) {
    request.argv.insert(request.argv.end(), {"--user", "5"});
    request.descriptors.emplace_back(network.user.get(), 5);
  }
  lead_to(to_door, 4, door, request);
  auto process = Process::spawn(
      loop, request, [self = leader.get()](int wait_status) { self->on_exit(wait_status); });
  if (!process) {
    return process.error();
  }
  leader->process_ = std::move(*process);
  return leader;
}

void NetworkLeader::on_exit(int wait_status) {
  const std::string said = read_line(errors_.get());
  const auto done = std::move(done_);  // it may destroy us
  if (wait_status == 0) {
    done(dsl::Ok{});
  } else {
    done(dsl::Error{"lead the network to the gateway: " + (said.empty() ? "it was killed" : said),
                    ""});
  }
}

}  // namespace runner
