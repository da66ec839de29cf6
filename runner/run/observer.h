#pragma once

// Those who watch a run: console, JSON lines, reports. They are told only what the journal has
// committed, on the loop thread, and cannot change anything.

#include <string_view>
#include <vector>

#include "dsl/ids.h"
#include "runner/run/event.h"
#include "runner/run/run_state.h"

namespace runner {

/// How a run that was asked to stop ends what is under way.
enum class StopHow {
  InGrace,  // TERM, and KILL after the grace time; asked once more, at once
  AtOnce,
};

class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  /// `state` is after all of `events`.
  virtual void on_events(const RunState& state, const std::vector<Event>& events) = 0;

  /// Somebody asked the run to stop: what is under way is being ended. Told once for each time.
  virtual void on_stopping(std::string_view by, StopHow how) {
    (void)by;
    (void)how;
  }

  /// The last line that a running job wrote, now and then.
  virtual void on_line(const dsl::NodeId& node, std::string_view line) {
    (void)node;
    (void)line;
  }
};

}  // namespace runner
