#pragma once

// Leads the network of a running container to the gateway, from outside: asks the engine which
// process is the container's first, and enters that one's network. So the container is made and
// runs with exactly what it has without a firewall, and nothing of the gateway is ever mounted into
// one.
//
// Why from outside and not by a container that holds the network and makes the sockets itself: one
// `true` by three rules takes 14 to 38 ms more than without a firewall with Docker, and nothing
// that can be measured with Podman (345 and 268 ms without; tests/bench/firewall_starts). With a
// holder that is started first it is 160 ms with both, and the holder would need NET_ADMIN and the
// door's socket inside it. The price: whoever may use the engine but not enter its containers (a
// member of the group `docker`) has no firewall there, and is told before the run starts.
//
// Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "dsl/result.h"
#include "runner/engine/container_api.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class NetworkLeader;
struct NetworkNamespace;

class ContainerLead {
 public:
  struct Order {
    std::string container;  // its id; its process 1 is `init`, and nothing of a job runs yet
    std::string init;       // pipe-init on this machine
    Fd to_door;             // connected to the door's socket
    EgressDoor door;
  };

  /// `done` is called once, unless this goes first: Ok when the gateway serves the network.
  ContainerLead(EventLoop& loop,
                ContainerApi& api,
                Order order,
                std::function<void(dsl::Status)> done);
  ContainerLead(const ContainerLead&) = delete;
  ContainerLead& operator=(const ContainerLead&) = delete;
  ~ContainerLead();

 private:
  void on_inspected(const dsl::Result<ApiReply>& reply);
  void enter(pid_t process);
  void lead(const NetworkNamespace& network);
  void finish(dsl::Status status);

  EventLoop& loop_;
  Order order_;
  std::function<void(dsl::Status)> done_;
  std::int64_t entered_ms_ = 0;  // when we tried first
  EventLoop::Timer pause_ = 0;
  std::unique_ptr<NetworkLeader> leader_;
  std::shared_ptr<ContainerLead*> self_;  // calls of the api may come after we are gone
};

}  // namespace runner
