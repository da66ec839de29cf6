#pragma once

// Network namespaces that have a loopback and nothing else: made here for sandboxes, held by
// descriptors only, so that they are gone with the last job and us, whatever happens; or made by
// somebody else, for a container. Both can be led to the gateway from outside, by who owns them, so
// that nothing inside ever needs to be allowed to. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "dsl/result.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/process.h"

namespace runner {

struct NetworkNamespace {
  Fd user;  // that owns it, where it is not our own; else none
  Fd network;
};

/// Of a process that runs `program`; nothing while it runs something else, such as what is about to
/// become that. A number may mean another process by the time that it is used: what has ended, or
/// is in our own network, is an Error.
dsl::Result<std::optional<NetworkNamespace>> open_network_of(pid_t process,
                                                             const std::string& program);

/// Makes one through `pipe-init new-network`; with `door` (null: none) it leads to the gateway.
/// Destroying it forgets about `done`.
class NetworkMaker {
 public:
  static dsl::Result<std::unique_ptr<NetworkMaker>> start(
      EventLoop& loop,
      const std::string& init,
      const EgressDoor* door,
      std::function<void(dsl::Result<NetworkNamespace>)> done);

 private:
  void on_exit(int wait_status);

  std::function<void(dsl::Result<NetworkNamespace>)> done_;
  Fd socket_;
  Fd errors_;
  std::unique_ptr<Process> process_;
};

/// Leads a namespace that is there already to the gateway through `pipe-init lead-network`.
/// `to_door` is connected to the door's socket. Destroying it forgets about `done`, which is called
/// once otherwise: Ok when the gateway serves it.
class NetworkLeader {
 public:
  static dsl::Result<std::unique_ptr<NetworkLeader>> start(EventLoop& loop,
                                                           const std::string& init,
                                                           const NetworkNamespace& network,
                                                           const Fd& to_door,
                                                           const EgressDoor& door,
                                                           std::function<void(dsl::Status)> done);

 private:
  void on_exit(int wait_status);

  std::function<void(dsl::Status)> done_;
  Fd errors_;
  std::unique_ptr<Process> process_;
};

}  // namespace runner
