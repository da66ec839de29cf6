#pragma once

// A clock that moves only when a test says so, and the queue of what is due.

#include <map>
#include <utility>

#include "runner/run/clock.h"

namespace runner::test {

class FakeClock final : public Clock {
 public:
  [[nodiscard]] std::int64_t monotonic_ms() const override { return now_ms_; }
  [[nodiscard]] std::int64_t wall_ms() const override { return kEpoch + now_ms_ + ahead_ms_; }
  void after(dsl::Duration delay, std::function<void()> then) override {
    due_.emplace(now_ms_ + delay.ms, std::move(then));
  }

  /// Calls all that is due now, and what becomes due by it.
  void run_due() {
    while (!due_.empty() && due_.begin()->first <= now_ms_) {
      const auto then = std::move(due_.begin()->second);
      due_.erase(due_.begin());
      then();
    }
  }
  void advance(dsl::Duration by) {
    now_ms_ += by.ms;
    run_due();
  }
  /// Somebody sets the wall clock.
  void jump(dsl::Duration by) { ahead_ms_ += by.ms; }
  [[nodiscard]] bool idle() const { return due_.empty(); }

  static constexpr std::int64_t kEpoch = 1'700'000'000'000;

 private:
  std::int64_t now_ms_ = 0;
  std::int64_t ahead_ms_ = 0;  // of the wall clock
  std::multimap<std::int64_t, std::function<void()>> due_;
};

}  // namespace runner::test
