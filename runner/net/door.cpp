#include "runner/net/door.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "dsl/render.h"
#include "runner/init/protocol.h"
#include "runner/sys/unix_socket.h"

namespace runner {
namespace {

using Reason = EgressDenied::Reason;

constexpr int kDatagramsPerTurn = 64;
constexpr int kConnectionsPerTurn = 16;
constexpr std::size_t kMostDatagram = 4'096;
constexpr dsl::Duration kPause{100};
constexpr std::size_t kMostSeen = 100;  // bytes of what a node said

/// The local end of a connection: the address that stands for a name.
dsl::IpAddress local_address(const Fd& socket) {
  sockaddr_in address{};
  socklen_t size = sizeof(address);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return {};
  }
  return dsl::IpAddress::from_v4(ntohl(address.sin_addr.s_addr));
}

std::function<std::optional<Fd>(const std::string&)> stand_in_for(const std::string& network,
                                                                  const StandIn& stand_in) {
  if (!stand_in) {
    return nullptr;
  }
  return [network, stand_in](const std::string& name) { return stand_in(network, name); };
}

void reset(Fd client) {
  const linger at_once{1, 0};
  setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
}

}  // namespace

Door::Door(const Parts& parts,
           const std::string& network,
           dsl::NodeId node,
           dsl::EgressPolicy policy,
           std::function<void(EgressDenied)> denied)
    : loop_(parts.loop),
      node_(std::move(node)),
      policy_(std::move(policy)),
      denied_(std::move(denied)),
      model_parts_{parts.loop,
                   parts.resolver,
                   parts.own_addresses,
                   parts.hello_time,
                   parts.secrets,
                   stand_in_for(network, parts.stand_in),
                   network},
      names_(policy_,
             parts.learning ? Unknown::Answered : Unknown::Refused,
             [this](const std::string& name, Reason reason) {
               EgressDenied refusal;
               refusal.name = name;
               refusal.reason = reason;
               deny(std::move(refusal));
             }),
      home_{parts.loop,
            parts.resolver,
            policy_,
            parts.own_addresses,
            parts.hello_time,
            injection_,
            stand_in_for(network, parts.stand_in),
            [this](EgressDenied refusal) { deny(std::move(refusal)); },
            [this](Connection& connection) { connections_.erase(&connection); }},
      datagrams_out_({parts.loop,
                      parts.resolver,
                      policy_,
                      names_.addresses(),
                      parts.own_addresses,
                      [this] { return connection_count() < kMostConnections; },
                      [this](EgressDenied refusal) { deny(std::move(refusal)); }}) {}

Door::~Door() {
  stop_waiting();
  if (datagrams_watch_ != 0) {
    loop_.unwatch(datagrams_watch_);
  }
  for (Listener& listener : listeners_) {
    if (listener.watch != 0) {
      loop_.unwatch(listener.watch);
    }
    if (listener.pause != 0) {
      loop_.cancel_timer(listener.pause);
    }
  }
  for (const auto& [_, connection] : connections_) {
    connection->abort();
  }
}

void Door::lend(std::vector<LentSecret> secrets) {
  lent_ = secrets;
  injection_ = Injection(model_parts_.secrets, std::move(secrets));
}

void Door::meter(const ModelMetering& metering, ModelAccess access) {
  model_ = std::make_unique<ModelDoor>(
      model_parts_, metering, std::move(access), lent_, [this](EgressDenied refusal) {
        deny(std::move(refusal));
      });
}

// ---- until the sockets are here --------------------------------------------------------------

dsl::Status Door::wait_at(const std::string& path) {
  auto bound = listen_unix(path);
  if (!bound) {
    return bound.error();
  }
  waiting_ = std::move(*bound);
  path_ = path;
  waiting_watch_ = loop_.watch_readable(waiting_.get(), [this] { on_visitor(); });
  return dsl::Ok{};
}

void Door::on_visitor() {
  visitor_ = Fd(accept4(waiting_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!visitor_) {
    return;
  }
  stop_waiting();
  visitor_watch_ = loop_.watch_readable(visitor_.get(), [this] { on_message(); });
}

void Door::stop_waiting() {
  for (EventLoop::Watch* const watch : {&waiting_watch_, &visitor_watch_}) {
    if (*watch != 0) {
      loop_.unwatch(std::exchange(*watch, 0));
    }
  }
  if (waiting_) {
    unlink_unix(path_);
    waiting_.reset();
  }
}

/// Whoever waits for our answer sees the end of the connection where we cannot serve.
void Door::on_message() {
  auto over = receive_hand_over(visitor_.get());
  stop_waiting();
  if (over) {
    serve(*std::move(over));
    send(visitor_.get(), &init::kServed, 1, MSG_NOSIGNAL);
  }
  visitor_.reset();
}

void Door::serve(HandedOver over) {
  datagrams_ = std::move(over.dns_datagrams);
  datagrams_watch_ = loop_.watch_readable(datagrams_.get(), [this] { answer_datagrams(); });
  listeners_.resize(over.listeners.size() + 1);
  listeners_[0].port = init::kDnsPort;
  listeners_[0].socket = std::move(over.dns_streams);
  for (std::size_t i = 0; i < over.listeners.size(); ++i) {
    listeners_[i + 1].port = over.listeners[i].first;
    listeners_[i + 1].socket = std::move(over.listeners[i].second);
  }
  for (std::size_t i = 0; i < listeners_.size(); ++i) {
    watch_listener(i);
  }
  for (auto& [port, socket] : over.datagrams) {
    datagrams_out_.serve(port, std::move(socket));
  }
}

// ---- from then on ----------------------------------------------------------------------------

void Door::answer_datagrams() {
  std::array<char, kMostDatagram> bytes{};
  for (int i = 0; i < kDatagramsPerTurn; ++i) {
    sockaddr_in from{};
    socklen_t size = sizeof(from);
    const ssize_t got = recvfrom(datagrams_.get(),
                                 bytes.data(),
                                 bytes.size(),
                                 MSG_DONTWAIT,
                                 reinterpret_cast<sockaddr*>(&from),
                                 &size);
    if (got < 0) {
      return;
    }
    const std::string answer = names_.answer({bytes.data(), static_cast<std::size_t>(got)});
    if (!answer.empty()) {
      sendto(datagrams_.get(),
             answer.data(),
             answer.size(),
             MSG_DONTWAIT | MSG_NOSIGNAL,
             reinterpret_cast<const sockaddr*>(&from),
             size);
    }
  }
}

void Door::watch_listener(std::size_t listener) {
  listeners_[listener].watch =
      loop_.watch_readable(listeners_[listener].socket.get(),
                           [this, listener] { listener == 0 ? accept_dns() : accept(listener); });
}

Fd Door::next_client(std::size_t listener) {
  Listener& from = listeners_[listener];
  Fd client(accept4(from.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)) {
    // It stays readable, and would be all that we ever look at.
    loop_.unwatch(std::exchange(from.watch, 0));
    from.pause = loop_.start_timer(kPause, [this, listener] {
      listeners_[listener].pause = 0;
      watch_listener(listener);
    });
  }
  return client;
}

void Door::accept_dns() {
  for (int i = 0; i < kConnectionsPerTurn; ++i) {
    Fd client = next_client(0);
    if (!client) {
      return;
    }
    if (local_address(client).number() != INADDR_LOOPBACK) {
      begin(std::move(client), init::kDnsPort);  // for a server that a rule may name
      continue;
    }
    if (connection_count() >= kMostConnections) {
      reset(std::move(client));
      continue;
    }
    auto stream = std::make_unique<DnsStream>(
        loop_,
        std::move(client),
        [this](std::string_view message) { return names_.answer(message); },
        [this](DnsStream& ended) { dns_streams_.erase(&ended); });
    dns_streams_.emplace(stream.get(), std::move(stream));
  }
}

void Door::accept(std::size_t listener) {
  for (int i = 0; i < kConnectionsPerTurn; ++i) {
    Fd client = next_client(listener);
    if (!client) {
      return;
    }
    begin(std::move(client), listeners_[listener].port);
  }
}

void Door::begin(Fd client, std::uint16_t port) {
  const dsl::IpAddress address = local_address(client);
  const std::string* const name = names_.addresses().name_of(address);
  if (name == nullptr) {
    begin_itself(std::move(client), address, port);
    return;
  }
  EgressDenied refusal;
  refusal.name = *name;
  refusal.port = port;
  const dsl::EgressRule* const rule = policy_.find(*name, port);
  if (rule == nullptr || connection_count() >= kMostConnections) {
    refusal.reason = rule != nullptr        ? Reason::Busy
                     : policy_.knows(*name) ? Reason::Port
                                            : Reason::Name;
    refusal.rule = rule == nullptr ? "" : to_text(*rule);
    reset(std::move(client));
    deny(std::move(refusal));
    return;
  }
  if (model_ != nullptr && model_->is_for(*name, port)) {
    model_->begin(std::move(client));
    return;
  }
  ClientStream::Target target{*name, port, rule->kind == dsl::EgressRule::Kind::Any};
  auto connection =
      std::make_shared<Connection>(home_, std::move(client), std::move(target), to_text(*rule));
  open(std::move(connection));
}

/// To an address that stands for no name.
void Door::begin_itself(Fd client, const dsl::IpAddress& address, std::uint16_t port) {
  const dsl::EgressRule* const rule = policy_.find(address, port, dsl::Carried::Tcp);
  if (rule == nullptr || connection_count() >= kMostConnections) {
    reset(std::move(client));
    if (rule != nullptr || !is_nodes_own(address)) {
      EgressDenied refusal;
      refusal.name = address.text();
      refusal.port = port;
      refusal.reason = rule != nullptr          ? Reason::Busy
                       : policy_.knows(address) ? Reason::Port
                                                : Reason::Name;
      refusal.rule = rule == nullptr ? "" : to_text(*rule);
      deny(std::move(refusal));
    }
    return;
  }
  open(std::make_shared<Connection>(
      home_,
      std::move(client),
      ClientStream::Target{address.text(), port},
      to_text(*rule),
      choose_itself(address, *rule, policy_, port, home_.own_addresses())));
}

void Door::open(std::shared_ptr<Connection> connection) {
  connections_.emplace(connection.get(), connection);
  connection->start();
}

void Door::deny(EgressDenied denied) {
  denied.node = node_;
  denied.seen = dsl::visible(denied.seen.substr(0, kMostSeen));
  const bool fresh =
      told_.size() < kMostRefusals &&
      told_.emplace(denied.name, denied.port, denied.udp, denied.reason, denied.seen).second;
  if (fresh && denied_) {
    denied_(std::move(denied));
  }
}

}  // namespace runner
