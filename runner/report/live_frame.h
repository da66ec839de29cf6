#pragma once

// What the live display shows at one moment, as lines. Any thread; pure: console_live.h draws it.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runner/report/paint.h"
#include "runner/run/observer.h"
#include "runner/run/run_state.h"

namespace runner::report {

struct LiveView {
  std::int64_t now_ms = 0;  // wall clock
  std::size_t width = 80;   // no line takes more columns
  std::size_t height = 24;  // fewer lines than this
  Colour colour = Colour::Never;
  std::optional<StopHow> stopping;  // the run was asked to stop
  std::int64_t jobs = 1;            // as in RunStarted
  /// By node: the last line that its job wrote, not yet made fit for a terminal.
  const std::unordered_map<std::string, std::string>* last_lines = nullptr;  // may be absent
};

/// The bar of the run, and a line for each task that is under way, the oldest first.
std::vector<std::string> live_frame(const RunState& state, const LiveView& view);

}  // namespace runner::report
