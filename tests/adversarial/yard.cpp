#include "tests/adversarial/yard.h"

#include <arpa/inet.h>
#include <cstring>
#include <fcntl.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sched.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/e2e/pipe_command.h"

namespace adversarial {
namespace {

int open_socket(int family, int kind, const std::string& address, std::uint16_t port) {
  const int fd = socket(family, kind | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
  }
  sockaddr_storage bytes{};
  socklen_t size = sizeof(sockaddr_in);
  if (family == AF_INET) {
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&bytes);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    inet_pton(AF_INET, address.c_str(), &v4->sin_addr);
  } else {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&bytes);
    size = sizeof(sockaddr_in6);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    inet_pton(AF_INET6, address.c_str(), &v6->sin6_addr);
  }
  if (bind(fd, reinterpret_cast<const sockaddr*>(&bytes), size) != 0 ||
      (kind == SOCK_STREAM && listen(fd, 64) != 0)) {
    const std::string why = strerrordesc_np(errno);
    close(fd);
    throw std::runtime_error("listen at " + address + " port " + std::to_string(port) + ": " + why);
  }
  return fd;
}

void ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ip");
  if (const e2e::Ended ended = e2e::run({arguments, "", {}}); ended.exit_code != 0) {
    throw std::runtime_error("ip " + arguments[1] + " " + arguments[2] + ": " + ended.err);
  }
}

/// What hosts say to each other without being asked: neighbours, routers, groups.
bool is_small_talk(const unsigned char* frame, std::size_t size) {
  if (size < 14) {
    return true;
  }
  const unsigned type = frame[12] << 8U | frame[13];
  if (type == ETHERTYPE_IP) {
    return size > 23 && frame[23] == IPPROTO_IGMP;
  }
  if (type != ETHERTYPE_IPV6) {
    return true;  // ARP and the like
  }
  if (size < 55) {
    return false;
  }
  const bool hop_by_hop = frame[20] == IPPROTO_HOPOPTS;  // as group reports have it
  const unsigned char kind = frame[54];
  return hop_by_hop || (frame[20] == IPPROTO_ICMPV6 &&
                        ((kind >= ND_ROUTER_SOLICIT && kind <= ND_REDIRECT) || kind == 143));
}

/// Everything is at the canary, but for what the allowed name means.
std::string answer_to(const std::string& query) {
  if (query.size() < 17) {
    return "";
  }
  std::string answer = query;
  answer[2] = static_cast<char>(0x81);
  answer[3] = static_cast<char>(0x80);
  answer[7] = 1;
  answer += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04", 12);
  const auto asks = [&](const std::string& labels) {
    return query.compare(12, labels.size(), labels) == 0;
  };
  in_addr address{};
  inet_pton(AF_INET,
            asks(std::string("\x04good\x04test\x00", 11))   ? "127.7.7.9"
            : asks(std::string("\x04meta\x04test\x00", 11)) ? Yard::kLinkLocal
                                                            : Yard::kCanary4,
            &address);
  answer.append(reinterpret_cast<const char*>(&address), sizeof(address));
  return answer;
}

}  // namespace

Answerer::Answerer(std::function<Sockets()> make, std::string banner) : banner_(std::move(banner)) {
  if (pipe2(stop_.data(), O_CLOEXEC) != 0) {
    throw std::runtime_error("pipe2");
  }
  thread_ = std::thread([this, make = std::move(make)] { serve(make); });
  if (!e2e::eventually([this] { return ready_.load(); })) {
    throw std::runtime_error("no answerer");
  }
}

Answerer::~Answerer() {
  stopping_ = true;
  close(stop_[1]);
  thread_.join();
  while (clients_ > 0) {
    usleep(1'000);
  }
  close(stop_[0]);
}

std::string Answerer::said() const {
  const std::lock_guard lock(said_mutex_);
  return said_;
}

void Answerer::serve(const std::function<Sockets()>& make) {
  Sockets sockets;
  try {
    sockets = make();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return;
  }
  std::vector<pollfd> waits{{stop_[0], POLLIN, 0}};
  std::vector<std::function<void(int)>> acts{[](int) {}};
  const auto watch = [&](const std::vector<int>& fds, const std::function<void(int)>& act) {
    for (const int fd : fds) {
      waits.push_back({fd, POLLIN, 0});
      acts.push_back(act);
    }
  };
  watch(sockets.listeners, [this](int fd) { on_client(fd); });
  watch(sockets.names_udp, [this](int fd) { on_query(fd, false); });
  watch(sockets.names_tcp, [this](int fd) { on_query(fd, true); });
  watch(sockets.datagrams, [](int fd) {
    std::array<char, 4096> bytes{};
    static_cast<void>(recv(fd, bytes.data(), bytes.size(), 0));
  });
  watch(sockets.frames, [this](int fd) { on_frame(fd); });
  ready_ = true;
  for (;;) {
    poll(waits.data(), waits.size(), -1);
    if (waits[0].revents != 0) {
      break;
    }
    for (std::size_t i = 1; i < waits.size(); ++i) {
      if (waits[i].revents != 0) {
        acts[i](waits[i].fd);
      }
    }
  }
  for (std::size_t i = 1; i < waits.size(); ++i) {
    close(waits[i].fd);
  }
}

/// Each request of a connection gets an answer, until a second passes without one.
void Answerer::on_client(int listener) {
  const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  ++connections_;
  ++clients_;
  std::thread([this, client] {
    std::array<char, 4096> bytes{};
    for (pollfd wait{client, POLLIN, 0}; poll(&wait, 1, 1'000) == 1;) {
      const ssize_t got = recv(client, bytes.data(), bytes.size(), 0);
      if (got <= 0) {
        break;
      }
      {
        const std::lock_guard lock(said_mutex_);
        said_.append(bytes.data(), static_cast<std::size_t>(got));
      }
      if (std::string_view(bytes.data(), static_cast<std::size_t>(got)).starts_with("GET /much ")) {
        send_much(client);
        break;
      }
      const std::string answer =
          "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(banner_.size()) + "\r\n\r\n" +
          banner_;
      static_cast<void>(send(client, answer.data(), answer.size(), MSG_NOSIGNAL));
    }
    close(client);
    --clients_;
  }).detach();
}

/// No faster than some 100 MB/s: others have work to do too.
void Answerer::send_much(int client) {
  std::string some = "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n";
  while (!stopping_) {
    const ssize_t put = send(client, some.data(), some.size(), MSG_NOSIGNAL);
    if (put <= 0) {
      ++cut_;
      return;
    }
    sent_ += put;
    some.assign(1 << 17, 'x');
    usleep(1'000);
  }
}

void Answerer::on_query(int socket, bool stream) {
  std::string bytes(2048, '\0');
  sockaddr_storage from{};
  socklen_t size = sizeof(from);
  if (stream) {
    const int client = accept4(socket, nullptr, nullptr, SOCK_CLOEXEC);
    const ssize_t got = recv(client, bytes.data(), bytes.size(), 0);
    if (got > 2) {
      ++queries_;
      const std::string answer = answer_to(bytes.substr(2, static_cast<std::size_t>(got) - 2));
      const std::string framed =
          std::string{static_cast<char>(answer.size() >> 8), static_cast<char>(answer.size())} +
          answer;
      static_cast<void>(send(client, framed.data(), framed.size(), MSG_NOSIGNAL));
    }
    close(client);
    return;
  }
  const ssize_t got =
      recvfrom(socket, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got > 0) {
    ++queries_;
    const std::string answer = answer_to(bytes.substr(0, static_cast<std::size_t>(got)));
    sendto(socket, answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }
}

void Answerer::on_frame(int socket) {
  std::array<unsigned char, 2048> frame{};
  sockaddr_ll from{};
  socklen_t size = sizeof(from);
  const ssize_t got =
      recvfrom(socket, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (got > 0 && from.sll_pkttype != PACKET_OUTGOING &&
      !is_small_talk(frame.data(), static_cast<std::size_t>(got))) {
    ++packets_;
  }
}

Yard::Yard() : namespace_("pipe-canary-" + std::to_string(getpid())) {
  const std::string ours = "pipe-out";
  const std::string theirs = "pipe-in";
  e2e::run({{"ip", "link", "del", ours}, "", {}});  // which a suite that was killed left
  ip({"netns", "add", namespace_});
  ip({"link", "add", ours, "type", "veth", "peer", "name", theirs, "netns", namespace_});
  ip({"addr", "add", std::string(kMachine) + "/30", "dev", ours});
  ip({"addr", "add", "fd77:231::1/64", "dev", ours, "nodad"});
  ip({"link", "set", ours, "up"});
  ip({"route", "add", std::string(kLinkLocal) + "/32", "dev", ours});
  ip({"-n", namespace_, "addr", "add", std::string(kCanary4) + "/30", "dev", theirs});
  ip({"-n", namespace_, "addr", "add", std::string(kLinkLocal) + "/32", "dev", theirs});
  ip({"-n", namespace_, "addr", "add", std::string(kCanary6) + "/64", "dev", theirs, "nodad"});
  ip({"-n", namespace_, "link", "set", theirs, "up"});
  ip({"-n", namespace_, "link", "set", "lo", "up"});
  ip({"-n", namespace_, "route", "add", "default", "via", kMachine});
  canary_ = std::make_unique<Answerer>(
      [this] {
        const int space = open(("/run/netns/" + namespace_).c_str(), O_RDONLY | O_CLOEXEC);
        if (setns(space, CLONE_NEWNET) != 0) {
          throw std::runtime_error("enter the canary's network");
        }
        close(space);
        Answerer::Sockets sockets;
        sockets.frames = {socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))};
        sockets.listeners = {open_socket(AF_INET, SOCK_STREAM, "0.0.0.0", kPort),
                             open_socket(AF_INET6, SOCK_STREAM, "::", kPort)};
        sockets.datagrams = {open_socket(AF_INET, SOCK_DGRAM, "0.0.0.0", kPort)};
        sockets.names_udp = {open_socket(AF_INET, SOCK_DGRAM, kCanary4, 53),
                             open_socket(AF_INET6, SOCK_DGRAM, "::", 53)};
        sockets.names_tcp = {open_socket(AF_INET, SOCK_STREAM, "0.0.0.0", 53)};
        return sockets;
      },
      "canary\n");
  machine_ = std::make_unique<Answerer>(
      [] {
        Answerer::Sockets sockets;
        sockets.listeners = {open_socket(AF_INET, SOCK_STREAM, "0.0.0.0", kPort)};
        return sockets;
      },
      "machine\n");
  stubs_ = std::make_unique<Answerer>(
      [] {
        Answerer::Sockets sockets;
        for (const char* const stub : {"127.0.0.11", "127.0.0.53"}) {
          sockets.names_udp.push_back(open_socket(AF_INET, SOCK_DGRAM, stub, 53));
          sockets.names_tcp.push_back(open_socket(AF_INET, SOCK_STREAM, stub, 53));
        }
        return sockets;
      },
      "");
  good_ = std::make_unique<Answerer>(
      [] {
        Answerer::Sockets sockets;
        sockets.listeners = {open_socket(AF_INET, SOCK_STREAM, "127.7.7.9", kGoodPort)};
        return sockets;
      },
      "hello\n");
}

Yard::~Yard() {
  canary_.reset();
  e2e::run({{"ip", "link", "del", "pipe-out"}, "", {}});
  e2e::run({{"ip", "netns", "del", namespace_}, "", {}});
}

std::array<int, 5> Yard::counts() const {
  return {canary_->packets(),
          canary_->queries(),
          canary_->connections(),
          machine_->connections(),
          stubs_->queries()};
}

std::string Yard::leaks() const {
  constexpr std::array<const char*, 5> kWhat = {"packets at the canary",
                                                "queries at the canary",
                                                "connections at the canary",
                                                "connections at the machine",
                                                "queries at the machine's name servers"};
  const std::array<int, 5> now = counts();
  std::string text;
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] != before_[i]) {
      text += std::to_string(now[i] - before_[i]) + " " + kWhat[i] + "; ";
    }
  }
  return text;
}

void Yard::forget() {
  before_ = counts();
}

}  // namespace adversarial
