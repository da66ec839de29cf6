#pragma once

// The network of one attempt or check: none of its own where nothing asks for it, a loopback that
// services share, or one that leads to the gateway by the rules of its node. Loop thread.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/egress.h"
#include "runner/run/engine.h"
#include "runner/run/job.h"
#include "runner/run/secrets.h"

namespace runner {

class NodeNetwork {
 public:
  struct Order {
    std::string name;
    dsl::NodeId node;
    const dsl::Firewall& firewall;
    std::vector<LentSecret> lent;  // what the gateway sends for it
    bool shared = false;           // there are services
    std::function<void(EgressDenied)> denied;
    std::optional<ModelAccess> model = {};  // of an agent whose requests are metered
  };

  /// `egress` may be null, as long as no node has a firewall.
  NodeNetwork(Engine& engine, Egress* egress, Order order);
  NodeNetwork(const NodeNetwork&) = delete;
  NodeNetwork& operator=(const NodeNetwork&) = delete;
  [[nodiscard]] bool is_needed() const;

  /// `opened` is called once, and this outlives it. REQUIRES: is_needed().
  void open(std::function<void(dsl::Status)> opened);

  /// Cuts what goes out. Nothing happens where it is not open. Left out where a run breaks off: the
  /// network then ends with the engine, and the door with the gateway.
  void close();

  /// Puts a job into it.
  void join(Job& job) const;

 private:
  [[nodiscard]] bool leads_out() const;
  /// The node's rules, and the way to its model.
  [[nodiscard]] dsl::Firewall firewall() const;

  Engine& engine_;
  Egress* const egress_;
  const Order order_;
  std::optional<EgressDoor> door_;
  bool open_ = false;
};

}  // namespace runner
