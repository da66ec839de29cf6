#include "runner/net/datagrams.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <utility>

#include "runner/net/destination.h"
#include "runner/net/socket_address.h"

namespace runner {
namespace {

using dsl::Carried;
using Reason = EgressDenied::Reason;

constexpr int kDatagramsPerTurn = 64;
constexpr std::size_t kMostDatagram = 64 << 10;

/// One for all: loop thread, and nothing is kept in it.
std::array<char, kMostDatagram>& buffer() {
  static std::array<char, kMostDatagram> bytes;
  return bytes;
}

/// What is said of where a datagram was sent to, or comes from.
struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> bytes{};
};

std::optional<std::uint32_t> sent_to(msghdr& message) {
  for (cmsghdr* one = CMSG_FIRSTHDR(&message); one != nullptr; one = CMSG_NXTHDR(&message, one)) {
    if (one->cmsg_level == IPPROTO_IP && one->cmsg_type == IP_PKTINFO) {
      in_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(one), sizeof(info));
      return ntohl(info.ipi_addr.s_addr);
    }
  }
  return std::nullopt;
}

}  // namespace

struct Datagrams::Flow {
  Ends ends;
  const Port& port;
  const dsl::EgressRule& rule;         // that allows it
  std::string name;                    // or the address, where it is meant itself
  std::vector<std::string> held = {};  // until it is known where to
  Fd server = {};
  EventLoop::Watch watch = 0;
  EventLoop::Timer timer = 0;
  bool spoke = false;  // since the timer was set
};

Datagrams::Datagrams(Parts parts) : parts_(std::move(parts)) {}

Datagrams::~Datagrams() {
  while (!flows_.empty()) {
    end(flows_.begin()->first);
  }
  for (const auto& port : ports_) {
    parts_.loop.unwatch(port->watch);
  }
}

void Datagrams::serve(std::uint16_t port, Fd socket) {
  Port& made = *ports_.emplace_back(std::make_unique<Port>());
  made.number = port;
  made.socket = std::move(socket);
  made.watch = parts_.loop.watch_readable(made.socket.get(), [this, &made] { receive(made); });
}

// ---- from the node ---------------------------------------------------------------------------

void Datagrams::receive(const Port& port) {
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_in from{};
    iovec bytes{buffer().data(), buffer().size()};
    Ancillary ancillary;
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof(from);
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = ancillary.bytes.size();
    const ssize_t got = recvmsg(port.socket.get(), &message, MSG_DONTWAIT);
    if (got < 0) {
      return;
    }
    if (const auto to = sent_to(message)) {
      on_datagram({ntohl(from.sin_addr.s_addr), ntohs(from.sin_port), *to, port.number},
                  port,
                  {buffer().data(), static_cast<std::size_t>(got)});
    }
  }
}

void Datagrams::on_datagram(const Ends& ends, const Port& port, std::string_view bytes) {
  const auto found = flows_.find(ends);
  if (found == flows_.end()) {
    begin(ends, port, bytes);
    return;
  }
  Flow& flow = *found->second;
  flow.spoke = true;
  if (flow.server) {
    // Where it cannot go on now it is lost, as on any way of datagrams.
    send(flow.server.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } else if (flow.held.size() < kMostHeld) {
    flow.held.emplace_back(bytes);
  }
}

void Datagrams::begin(const Ends& ends, const Port& port, std::string_view bytes) {
  const auto address = dsl::IpAddress::from_v4(std::get<2>(ends));
  const std::string* const name = parts_.names.name_of(address);
  const dsl::EgressRule* const rule = name != nullptr
                                          ? parts_.policy.find(*name, port.number, Carried::Udp)
                                          : parts_.policy.find(address, port.number, Carried::Udp);
  if (rule == nullptr || !parts_.has_room()) {
    EgressDenied refusal;
    refusal.name = name != nullptr ? *name : address.text();
    refusal.port = port.number;
    refusal.udp = true;
    const bool is_known =
        name != nullptr ? parts_.policy.knows(*name) : parts_.policy.knows(address);
    refusal.reason = rule != nullptr ? Reason::Busy : is_known ? Reason::Port : Reason::Name;
    refusal.rule = rule == nullptr ? "" : to_text(*rule);
    if (rule != nullptr || name != nullptr || !is_nodes_own(address)) {
      parts_.denied(std::move(refusal));
    }
    return;
  }
  const auto flow =
      std::make_shared<Flow>(Flow{ends, port, *rule, name != nullptr ? *name : address.text()});
  flow->held.emplace_back(bytes);
  flows_.emplace(ends, flow);
  time(flow);
  if (name == nullptr) {
    choose(flow, std::vector<dsl::IpAddress>{address});
    return;
  }
  parts_.resolver.resolve(flow->name,
                          [this, weak = std::weak_ptr<Flow>(flow)](
                              const dsl::Result<std::vector<dsl::IpAddress>>& found) {
                            // It goes before we do.
                            if (const auto alive = weak.lock()) {
                              choose(alive, found);
                            }
                          });
}

// ---- to the server ---------------------------------------------------------------------------

void Datagrams::choose(const std::shared_ptr<Flow>& flow,
                       const dsl::Result<std::vector<dsl::IpAddress>>& found) {
  if (!found) {
    refuse(*flow, Reason::Unresolved, found.error().message);
    end(flow->ends);
    return;
  }
  const auto own = parts_.own_addresses();
  const std::uint16_t port = flow->port.number;
  const bool is_itself = flow->rule.kind == dsl::EgressRule::Kind::Range;
  const Destinations chosen =
      is_itself ? choose_itself(found->front(), flow->rule, parts_.policy, port, own)
                : choose_destinations(*found, parts_.policy, flow->name, port, own);
  if (chosen.allowed.empty()) {
    refuse(*flow,
           Reason::Address,
           chosen.refused->text() + " (" + std::string(to_text(chosen.refused_as)) + ")");
    end(flow->ends);
    return;
  }
  connect(*flow, chosen.allowed.front());
}

void Datagrams::connect(Flow& flow, const dsl::IpAddress& address) {
  SocketAddress to;
  const socklen_t size = to_socket_address(address, flow.port.number, to);
  flow.server = Fd(socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!flow.server || ::connect(flow.server.get(), &to.any, size) != 0) {
    refuse(flow, Reason::Unreachable, address.text() + ": " + strerrordesc_np(errno));
    end(flow.ends);
    return;
  }
  for (const std::string& bytes : std::exchange(flow.held, {})) {
    send(flow.server.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  flow.watch = parts_.loop.watch_readable(flow.server.get(), [this, &flow] { send_back(flow); });
}

void Datagrams::send_back(Flow& flow) {
  const auto& [node, node_port, address, port] = flow.ends;
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = htonl(node);
  to.sin_port = htons(node_port);
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    const ssize_t got = recv(flow.server.get(), buffer().data(), buffer().size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (got < 0) {
      refuse(flow, Reason::Unreachable, strerrordesc_np(errno));
      end(flow.ends);
      return;
    }
    flow.spoke = true;
    // From the address that the node knows it by.
    Ancillary ancillary;
    iovec bytes{buffer().data(), static_cast<std::size_t>(got)};
    msghdr message{};
    message.msg_name = &to;
    message.msg_namelen = sizeof(to);
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.bytes.data();
    message.msg_controllen = ancillary.bytes.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = IPPROTO_IP;
    header->cmsg_type = IP_PKTINFO;
    header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo from{};
    from.ipi_spec_dst.s_addr = htonl(address);
    std::memcpy(CMSG_DATA(header), &from, sizeof(from));
    sendmsg(flow.port.socket.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
}

// ---- ends ------------------------------------------------------------------------------------

void Datagrams::time(const std::shared_ptr<Flow>& flow) {
  flow->spoke = false;
  flow->timer = parts_.loop.start_timer(kQuiet, [this, weak = std::weak_ptr<Flow>(flow)] {
    const auto alive = weak.lock();
    if (!alive) {
      return;
    }
    alive->timer = 0;
    if (alive->spoke) {
      time(alive);
    } else {
      end(alive->ends);
    }
  });
}

void Datagrams::refuse(const Flow& flow, Reason reason, std::string seen) {
  EgressDenied denied;
  denied.name = flow.name;
  denied.port = flow.port.number;
  denied.udp = true;
  denied.reason = reason;
  denied.rule = to_text(flow.rule);
  denied.seen = std::move(seen);
  parts_.denied(std::move(denied));
}

void Datagrams::end(Ends ends) {
  const auto found = flows_.find(ends);
  if (found == flows_.end()) {
    return;
  }
  const std::shared_ptr<Flow> flow = found->second;  // whose callback we may be in
  flows_.erase(found);
  if (flow->watch != 0) {
    parts_.loop.unwatch(std::exchange(flow->watch, 0));
  }
  if (flow->timer != 0) {
    parts_.loop.cancel_timer(std::exchange(flow->timer, 0));
  }
  flow->server.reset();
}

}  // namespace runner
