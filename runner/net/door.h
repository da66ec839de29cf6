#pragma once

// One network's way to the gateway: takes the network's listening sockets, answers its names and
// carries its connections by the rules of its node. Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "dsl/egress.h"
#include "runner/net/connection.h"
#include "runner/net/datagrams.h"
#include "runner/net/dns_stream.h"
#include "runner/net/hand_over.h"
#include "runner/net/injection.h"
#include "runner/net/model_door.h"
#include "runner/net/name_server.h"
#include "runner/net/resolver.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class Door {
 public:
  static constexpr std::size_t kMostConnections = 512;  // at a time
  static constexpr std::size_t kMostRefusals = 200;     // different ones that are told

  struct Parts {
    EventLoop& loop;
    Resolver& resolver;
    std::function<std::vector<dsl::IpAddress>()> own_addresses;
    dsl::Duration hello_time;
    Secrets* secrets;  // null: none are lent
    bool learning;     // names that no rule has get an address too, at which all is refused
    StandIn stand_in;  // may be empty
  };

  Door(const Parts& parts,
       const std::string& network,
       dsl::NodeId node,
       dsl::EgressPolicy policy,
       std::function<void(EgressDenied)> denied);
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;
  /// Cuts all connections, and closes what leads here.
  ~Door();

  /// Waits at `path` for the sockets, once; an Error where nothing can be bound there.
  dsl::Status wait_at(const std::string& path);

  /// What goes into the requests of this network. REQUIRES: no connection has begun.
  void lend(std::vector<LentSecret> secrets);
  /// How this network reaches its model. REQUIRES: its secrets were lent; no connection has begun.
  void meter(const ModelMetering& metering, ModelAccess access);

  [[nodiscard]] const dsl::EgressPolicy& policy() const { return policy_; }

 private:
  void on_visitor();
  void on_message();
  void stop_waiting();
  void serve(HandedOver over);

  void answer_datagrams();
  void accept_dns();
  void accept(std::size_t listener);
  void begin(Fd client, std::uint16_t port);
  void begin_itself(Fd client, const dsl::IpAddress& address, std::uint16_t port);
  void open(std::shared_ptr<Connection> connection);
  void deny(EgressDenied denied);
  /// A descriptor of the next connection, or none.
  Fd next_client(std::size_t listener);
  void watch_listener(std::size_t listener);
  [[nodiscard]] std::size_t connection_count() const {
    return connections_.size() + dns_streams_.size() +
           (model_ != nullptr ? model_->connection_count() : 0) + datagrams_out_.flow_count();
  }

  // Constant after construction.
  EventLoop& loop_;
  const dsl::NodeId node_;
  const dsl::EgressPolicy policy_;
  const std::function<void(EgressDenied)> denied_;

  const ModelDoor::Parts model_parts_;
  std::vector<LentSecret> lent_;
  Injection injection_;
  NameServer names_;
  ConnectionHome home_;
  Datagrams datagrams_out_;
  std::set<std::tuple<std::string, std::uint16_t, bool, EgressDenied::Reason, std::string>> told_;

  // Until the sockets are here.
  std::string path_;
  Fd waiting_;
  Fd visitor_;
  EventLoop::Watch waiting_watch_ = 0;
  EventLoop::Watch visitor_watch_ = 0;

  // From then on.
  struct Listener {
    std::uint16_t port = 0;  // kDnsPort: queries
    Fd socket;
    EventLoop::Watch watch = 0;
    EventLoop::Timer pause = 0;  // while there are no descriptors for another connection
  };
  Fd datagrams_;
  EventLoop::Watch datagrams_watch_ = 0;
  std::vector<Listener> listeners_;
  std::map<const Connection*, std::shared_ptr<Connection>> connections_;
  std::map<const DnsStream*, std::unique_ptr<DnsStream>> dns_streams_;
  std::unique_ptr<ModelDoor> model_;  // null: there is none
};

}  // namespace runner
