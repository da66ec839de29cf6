#pragma once

// Our end of the keeper (runner/init/protocol.h): one process that is the parent of all jobs of the
// host engine. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/init/protocol.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/process.h"

namespace runner {

class HostKeeper {
 public:
  struct Events {
    /// Nothing of the job runs any more; `report` as read_init_report takes it.
    std::function<void(std::uint32_t job, std::string_view report)> ended;
    /// The keeper itself is gone, and with it all its jobs. This object is of no more use, and may
    /// be destroyed by the call.
    std::function<void()> lost;
  };

  /// `init`: path of pipe-init.
  static dsl::Result<std::unique_ptr<HostKeeper>> start(EventLoop& loop,
                                                        const std::string& init,
                                                        Events events);
  HostKeeper(const HostKeeper&) = delete;
  HostKeeper& operator=(const HostKeeper&) = delete;
  /// Ends the keeper and every job that it still has.
  ~HostKeeper();

  /// `job` is a number that no running job has. The descriptors stay the caller's.
  dsl::Status start_job(std::uint32_t job, int spec, int output);
  void term(std::uint32_t job);
  void kill(std::uint32_t job);

 private:
  HostKeeper(EventLoop& loop, Events events);
  void on_readable();
  void send(std::uint32_t job, init::KeeperRequest::Kind kind) const;

  EventLoop& loop_;
  const Events events_;
  Fd socket_;
  EventLoop::Watch watch_ = 0;
  std::unique_ptr<Process> process_;
};

}  // namespace runner
