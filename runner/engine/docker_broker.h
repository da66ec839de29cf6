#pragma once

// A Docker of a node's own: a unix socket at which the node finds what looks
// like the daemon, and can create, start, watch, enter and remove containers
// that are its own and nobody else's (broker_rules.h says exactly what). They
// share the node's network, its loopback and its way to the gateway, so that
// they reach what the node does, and have the capabilities of `user: root` in
// an image. All of them go with the node; where we die before, with what the
// run left (container_leftovers.h), since they have its labels.
//
// Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/engine/broker_rules.h"
#include "runner/engine/container_api.h"
#include "runner/sys/event_loop.h"

namespace runner {

class DockerBroker {
 public:
  static constexpr std::size_t kMostSessions = 64;    // connections at a time
  static constexpr std::size_t kMostContainers = 32;  // at a time

  /// The loop and the api outlive it. `owner.network` may come later.
  DockerBroker(EventLoop& loop, ContainerApi& api, BrokerOwner owner);
  DockerBroker(const DockerBroker&) = delete;
  DockerBroker& operator=(const DockerBroker&) = delete;
  /// Cuts what is left. The containers stay; `end` removes them.
  ~DockerBroker();

  /// Waits for the node at `path`, in the place of whatever is there.
  dsl::Status listen(const std::string& path);

  /// The container whose network they share: before it is known nothing is
  /// created.
  void set_network(const std::string& container);

  /// Cuts every connection and removes every container; `done` comes when none
  /// is left, or an Error where the daemon does not let go of one. Called once.
  void end(std::function<void(dsl::Status)> done);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace runner
