#include "tests/net/inside.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <span>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/engine/init_program.h"
#include "runner/net/dns_message.h"
#include "runner/sys/descriptors.h"

namespace net_test {

using runner::EventLoop;
using runner::Fd;

namespace {

constexpr std::uint32_t kServerAddress = 0x7f070707;
constexpr int kPatience_ms = 10'000;

sockaddr_in v4(std::uint32_t address, std::uint16_t port) {
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(port);
  made.sin_addr.s_addr = htonl(address);
  return made;
}

void send_descriptor(int to, int fd) {
  const std::byte byte{};
  runner::send_descriptors(to, std::span(&byte, 1), std::span(&fd, 1), 0);
}

Fd receive_descriptor(int from) {
  std::byte byte{};
  runner::DescriptorMessage message = runner::receive_descriptors(from, std::span(&byte, 1), 1, 0);
  return message.size == 1 && !message.descriptors.empty() ? std::move(message.descriptors[0])
                                                           : Fd();
}

std::string make_folder() {
  std::string folder = std::filesystem::temp_directory_path() / "pipe-net-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) {
    throw std::runtime_error("mkdtemp");
  }
  return folder;
}

}  // namespace

void FakeResolver::resolve(const std::string& name, Done done) {
  asked.push_back(name);
  dsl::Result<std::vector<dsl::IpAddress>> answer = dsl::Error{"nobody knows '" + name + "'", ""};
  if (const auto found = known.find(name); found != known.end()) {
    std::vector<dsl::IpAddress> addresses;
    for (const std::string& text : found->second) {
      addresses.push_back(*dsl::IpAddress::parse(text));
    }
    answer = addresses;
  }
  loop_.post([answer, done = std::move(done)] { done(answer); });
}

bool run_until(EventLoop& loop, const std::function<bool()>& done) {
  for (const std::int64_t end = loop.monotonic_ms() + kPatience_ms; !done();) {
    if (loop.monotonic_ms() > end) {
      return false;
    }
    loop.run_for({5});
  }
  return true;
}

Server::Server(std::uint16_t wanted)
    : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
  const int yes = 1;
  setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = v4(kServerAddress, wanted);
  socklen_t size = sizeof(address);
  if (bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(socket.get(), 600) != 0 ||
      getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error(std::string("a server: ") + strerrordesc_np(errno));
  }
  port = ntohs(address.sin_port);
}

Fd Server::accept(EventLoop& loop) {
  Fd client;
  run_until(loop, [&] {
    client = Fd(accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return client.get() >= 0;
  });
  return client;
}

bool Server::has_visitor() const {
  pollfd wait{socket.get(), POLLIN, 0};
  return poll(&wait, 1, 0) == 1;
}

Inside::Inside(std::vector<std::string> allow,
               std::vector<std::string> allow_private,
               runner::Secrets* secrets,
               dsl::Firewall::Mode mode)
    : folder(make_folder()),
      gateway(loop,
              resolver,
              {.directory = folder + "/doors",
               .own_addresses = [this] { return own; },
               .hello_time = {200},
               .secrets = secrets}) {
  dsl::Firewall firewall;
  firewall.mode = mode;
  firewall.allow = std::move(allow);
  firewall.allow_private = std::move(allow_private);
  auto opened =
      gateway.open("net", dsl::NodeId{"node"}, firewall, [this](runner::EgressDenied one) {
        denied.push_back(std::move(one));
      });
  const auto init = runner::install_init_program(folder);
  if (!opened || !init) {
    throw std::runtime_error(opened ? init.error().message : opened.error().message);
  }
  door = *std::move(opened);
  std::optional<dsl::Result<runner::NetworkNamespace>> made;
  auto maker = runner::NetworkMaker::start(
      loop, *init, &door, [&](dsl::Result<runner::NetworkNamespace> network) {
        made = std::move(network);
      });
  if (!maker || !run_until(loop, [&] { return made.has_value(); }) || !*made) {
    throw std::runtime_error(!maker ? maker.error().message
                             : made ? made->error().message
                                    : "no network");
  }
  network_ = **std::move(made);
}

Inside::~Inside() {
  std::filesystem::remove_all(folder);
}

Fd Inside::socket(int kind) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    throw std::runtime_error("socketpair");
  }
  const Fd ours(ends[0]);
  const pid_t child = fork();
  if (child == 0) {
    if ((network_.user && setns(network_.user.get(), CLONE_NEWUSER) != 0) ||
        setns(network_.network.get(), CLONE_NEWNET) != 0) {
      _exit(1);
    }
    send_descriptor(ends[1], ::socket(AF_INET, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    _exit(0);
  }
  close(ends[1]);
  Fd made = receive_descriptor(ours.get());
  waitpid(child, nullptr, 0);
  if (!made) {
    throw std::runtime_error("no socket inside");
  }
  return made;
}

std::string Inside::ask(const std::string& query) {
  const Fd fd = socket(SOCK_DGRAM);
  const sockaddr_in server = v4(INADDR_LOOPBACK, 53);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0 ||
      send(fd.get(), query.data(), query.size(), 0) < 0) {
    return "";
  }
  return receive(loop, fd, 1);
}

std::optional<dsl::IpAddress> Inside::look_up(const std::string& name) {
  const std::string answer = ask(runner::dns_query(1, name, runner::kDnsTypeA));
  if (answer.size() < 16 || answer[7] != 1) {
    return std::nullopt;
  }
  std::uint32_t number = 0;
  for (const char byte : answer.substr(answer.size() - 4)) {
    number = number << 8 | static_cast<unsigned char>(byte);
  }
  return dsl::IpAddress::from_v4(number);
}

Fd Inside::connect(const std::string& name, std::uint16_t port) {
  return connect(look_up(name).value(), port);
}

Fd Inside::connect(const dsl::IpAddress& address, std::uint16_t port) {
  Fd fd = socket(SOCK_STREAM);
  const sockaddr_in to = v4(address.number(), port);
  // Over a loopback it is connected, or refused, by now.
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0 &&
      errno != EINPROGRESS) {
    fd.reset();
  }
  return fd;
}

std::vector<std::string> Inside::refusals() const {
  std::vector<std::string> texts;
  for (const runner::EgressDenied& each : denied) {
    texts.push_back(each.name + ":" + std::to_string(each.port) + (each.udp ? "/udp " : " ") +
                    std::string(to_text(each.reason)));
  }
  return texts;
}

Received receive_all(EventLoop& loop, const Fd& socket) {
  Received received;
  std::vector<char> bytes(1 << 16);
  run_until(loop, [&] {
    for (;;) {
      const ssize_t got = recv(socket.get(), bytes.data(), bytes.size(), 0);
      if (got > 0) {
        received.bytes.append(bytes.data(), static_cast<std::size_t>(got));
        continue;
      }
      received.ended = got == 0;
      received.reset = got < 0 && errno != EAGAIN;
      return received.ended || received.reset;
    }
  });
  return received;
}

std::string receive(EventLoop& loop, const Fd& socket, std::size_t count) {
  std::string received;
  std::vector<char> bytes(1 << 16);
  run_until(loop, [&] {
    const ssize_t got = recv(socket.get(), bytes.data(), bytes.size(), 0);
    if (got > 0) {
      received.append(bytes.data(), static_cast<std::size_t>(got));
    }
    return received.size() >= count || got == 0 || (got < 0 && errno != EAGAIN);
  });
  return received;
}

void send_all(EventLoop& loop, const Fd& socket, const std::string& bytes) {
  std::size_t sent = 0;
  run_until(loop, [&] {
    const ssize_t put = send(socket.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    sent += put > 0 ? static_cast<std::size_t>(put) : 0;
    return sent == bytes.size() || (put < 0 && errno != EAGAIN);
  });
}

}  // namespace net_test
