#pragma once

// One connection of a node, from being accepted to its end: what its client says is looked at, the
// name is resolved once, an address that may be reached is dialled, and then bytes go both ways.
// Nothing goes on before all of that is decided. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dsl/egress.h"
#include "dsl/ip_address.h"
#include "runner/net/client_stream.h"
#include "runner/net/destination.h"
#include "runner/net/injection.h"
#include "runner/net/resolver.h"
#include "runner/net/splice.h"
#include "runner/net/tls_bridge.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class Connection;

/// Who is there in a host's place, for a connection of this network to it: a connected socket, or
/// an empty one where it cannot be had. No value: the host itself is dialled.
using StandIn =
    std::function<std::optional<Fd>(const std::string& network, const std::string& name)>;

/// What the connections of one door share. Outlives them.
struct ConnectionHome {
  EventLoop& loop;
  Resolver& resolver;
  const dsl::EgressPolicy& policy;
  std::function<std::vector<dsl::IpAddress>()> own_addresses;
  dsl::Duration hello_time;  // for what must be looked at before anything goes on
  const Injection& injection;
  std::function<std::optional<Fd>(const std::string& name)> stand_in;  // a StandIn, or empty
  /// `node` is left to the receiver.
  std::function<void(EgressDenied)> denied;
  /// Nothing of it is left to do; it may be forgotten.
  std::function<void(Connection&)> ended;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static constexpr dsl::Duration kDialTime{10'000};  // for each address

  /// `client` is non-blocking. `rule` allows this name and port.
  Connection(ConnectionHome& home, Fd client, ClientStream::Target target, std::string rule);
  /// To an address that is meant itself, which `to` has chosen: nothing is looked at.
  Connection(ConnectionHome& home,
             Fd client,
             ClientStream::Target target,
             std::string rule,
             Destinations to);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  void start();
  /// In place of `start`, where what the client will say is known to be for the target: its server
  /// is dialled at once, and however long the client takes to say something is its own affair.
  void start_dialled();

  /// Cuts both sides, so that neither takes what it has for the whole. `ended` is not called.
  void abort();

 private:
  // From the client until its stream is through.
  void on_client_readable();
  void on_client_end();
  void examine();
  void fill(std::string head);
  void flush();
  void await_answer();
  void watch_client();
  void unwatch_client();
  void time_hello();

  // To the server.
  bool aim();
  void resolve();
  void on_resolved(const dsl::Result<std::vector<dsl::IpAddress>>& found);
  void dial(Destinations chosen);
  void dial_next();
  void on_dialled();
  void speak_tls();
  void on_connected();

  void on_splice_end(bool from_client, Splice::End how);
  void refuse(EgressDenied::Reason reason, std::string seen = "");
  void cut();
  void finish_if_done();

  ConnectionHome& home_;
  const std::optional<Upstream> upstream_;  // of requests in clear that secrets go into
  const ClientStream::Target target_;
  const std::string rule_;
  const std::optional<Destinations> itself_;
  std::uint16_t dial_port_;  // until a head is seen the target's
  bool tls_ = false;         // we speak it with the server

  Fd client_;
  Fd server_;  // or what leads to it
  std::unique_ptr<TlsBridge> bridge_;
  ClientStream stream_;
  std::string held_;      // came, and was not let on
  std::string cleared_;   // was let on, and has not gone
  bool through_ = false;  // nothing needs to be looked at any more
  bool awaits_answer_ = false;
  bool client_ended_ = false;
  bool dialled_ = false;  // resolving, or beyond
  bool connected_ = false;
  bool to_server_done_ = false;
  bool to_client_done_ = false;
  std::vector<dsl::IpAddress> to_try_;  // back first
  std::string last_trouble_;

  std::unique_ptr<Splice> to_server_;
  std::unique_ptr<Splice> to_client_;
  EventLoop::Watch client_watch_ = 0;
  EventLoop::Watch server_watch_ = 0;  // dialling, flushing, or waiting for the answer
  EventLoop::Timer hello_timer_ = 0;
  EventLoop::Timer dial_timer_ = 0;
};

}  // namespace runner
