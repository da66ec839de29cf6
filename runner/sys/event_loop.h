#pragma once

// The one loop thread of the process, and the small pool for work that blocks. Wraps Boost.Asio,
// which appears in event_loop.cpp only.
//
// Everything but `post` is called on the loop thread; `post` on any thread. Callbacks run on the
// loop thread, never inside the call that registered them.

#include <cstdint>
#include <functional>
#include <memory>

#include "dsl/units.h"
#include "runner/run/clock.h"

namespace runner {

class EventLoop final : public Clock {
 public:
  /// `workers`: threads of the pool, started when first needed.
  explicit EventLoop(unsigned workers = 2);
  ~EventLoop() override;

  /// Runs until `stop`.
  void run();
  void stop();

  /// Runs one round: waits at most `wait` for something to happen, then calls what is due. For
  /// tests and for draining at the end.
  void run_for(dsl::Duration wait);

  void post(std::function<void()> then);

  /// Runs `work` on the pool, then `then` on the loop thread.
  void run_blocking(std::function<void()> work, std::function<void()> then);

  /// A thread of its own for blocking work that is done in order and must not wait behind other
  /// work.
  class Lane {
   public:
    /// The loop outlives it.
    explicit Lane(EventLoop& loop);
    /// Waits for the work that was given to it.
    ~Lane();
    Lane(const Lane&) = delete;
    Lane& operator=(const Lane&) = delete;

    /// As run_blocking.
    void run(std::function<void()> work, std::function<void()> then);

   private:
    struct Thread;
    EventLoop& loop_;
    std::unique_ptr<Thread> thread_;
  };

  using Watch = std::uint64_t;
  /// Calls `ready` whenever `fd` is readable (or at its end), until `unwatch`. Does not own `fd`;
  /// unwatch before closing it.
  Watch watch_readable(int fd, std::function<void()> ready);
  Watch watch_writable(int fd, std::function<void()> ready);
  void unwatch(Watch watch);

  using Timer = std::uint64_t;
  Timer start_timer(dsl::Duration delay, std::function<void()> then);
  void cancel_timer(Timer timer);

  /// Calls `then` for each arrival of the signal (SIGINT, SIGTERM, …) until the loop ends.
  void on_signal(int number, std::function<void(int)> then);

  [[nodiscard]] std::int64_t monotonic_ms() const override;
  [[nodiscard]] std::int64_t wall_ms() const override;
  void after(dsl::Duration delay, std::function<void()> then) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
