#pragma once

// A loopback that several sandboxes share. Held by descriptors only, so that it is gone with the
// last job and us, whatever happens. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/run/egress.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/process.h"

namespace runner {

struct NetworkNamespace {
  Fd user;  // of an ordinary user; else none
  Fd network;
};

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

}  // namespace runner
