#pragma once

// Time, passed in. Only sys/ and app/ read a real clock; tests have one that they move by hand.

#include <cstdint>
#include <functional>

#include "dsl/units.h"

namespace runner {

class Clock {
 public:
  Clock() = default;
  Clock(const Clock&) = delete;
  Clock& operator=(const Clock&) = delete;
  virtual ~Clock() = default;

  /// Milliseconds that only ever grow; for durations and deadlines.
  [[nodiscard]] virtual std::int64_t monotonic_ms() const = 0;
  /// Milliseconds since the epoch; for people, never for deadlines.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
  /// Calls `then` once, on the loop thread, not before `delay` has passed.
  virtual void after(dsl::Duration delay, std::function<void()> then) = 0;
};

}  // namespace runner
