#pragma once

// The only way out of a run's networks. Each network that may reach something has a door of its own
// (door.h), with the rules of its node; all policy is here, in the runner's own process, and none
// inside a node. What a node can touch of it are listening sockets on its loopback, which die with
// the door. Loop thread.
//
// Where a name of the node leads is decided by: its rules (dsl/egress.h), what the client says
// first (client_stream.h), and the addresses that it has now (destination.h).

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runner/net/door.h"
#include "runner/net/model_metering.h"
#include "runner/net/resolver.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"

namespace runner {

struct GatewayOptions {
  std::string directory;  // of the doors' sockets; made 0700 where it is missing
  /// The addresses of this machine, which are never reached unless a rule names them.
  std::function<std::vector<dsl::IpAddress>()> own_addresses;
  dsl::Duration hello_time{5'000};  // for a TLS hello or the head of a request
  Secrets* secrets = nullptr;       // outlives the gateway; null: nothing is ever lent
  /// Every network has a door, every name an address: so it is heard which ports are dialled. What
  /// no rule allows is refused all the same, only later.
  bool learning = false;
  StandIn stand_in = {};  // may be empty
  ModelMetering models = {};
};

class Gateway final : public Egress {
 public:
  /// `resolver` outlives this.
  Gateway(EventLoop& loop, Resolver& resolver, GatewayOptions options);
  ~Gateway() override;

  [[nodiscard]] bool wants_door(const dsl::Firewall& firewall) const override {
    return options_.learning || Egress::wants_door(firewall);
  }
  dsl::Result<EgressDoor> open(const std::string& network,
                               const dsl::NodeId& node,
                               const dsl::Firewall& firewall,
                               std::function<void(EgressDenied)> denied) override;
  void lend(const std::string& network, std::vector<LentSecret> secrets) override;
  dsl::Status meter(const std::string& network, ModelAccess access) override;
  void close(const std::string& network) override;

 private:
  const Door::Parts parts_;
  const GatewayOptions options_;
  std::map<std::string, std::unique_ptr<Door>> doors_;
};

}  // namespace runner
