#pragma once

// How a running job is ended before its time: TERM, then KILL after the grace, then whatever is
// left to do. Loop thread.

#include <functional>
#include <optional>

#include "dsl/units.h"
#include "runner/run/job.h"
#include "runner/sys/event_loop.h"

namespace runner {

class JobDeadline {
 public:
  /// How an engine reaches a job. `force` is the last resort, some seconds after a `kill` that had
  /// no effect.
  struct Reach {
    std::function<void()> term;
    std::function<void()> kill;
    std::function<void()> force;
  };

  JobDeadline(EventLoop& loop, Reach reach);
  JobDeadline(const JobDeadline&) = delete;
  JobDeadline& operator=(const JobDeadline&) = delete;
  ~JobDeadline();

  /// Ends the job, as TimedOut, once `timeout` has passed; 0 is never.
  void start(dsl::Duration timeout, dsl::Duration grace);
  /// Ends it now, as Stopped. A second call may only shorten the grace.
  void stop(dsl::Duration grace);
  /// Ends it at once because the world broke; the job's end is told by somebody else.
  void abandon();

  /// How the job was ended, if it was.
  [[nodiscard]] std::optional<JobEnd::How> reason() const { return reason_; }

 private:
  void begin(JobEnd::How reason, dsl::Duration grace);
  void kill();
  void set_timer(dsl::Duration delay, std::function<void()> then);

  EventLoop& loop_;
  const Reach reach_;
  std::optional<JobEnd::How> reason_;
  std::optional<EventLoop::Timer> timer_;
};

}  // namespace runner
