#pragma once

// Progress on a terminal: lines of what has ended scroll up, below them one bar for the run and the
// tasks that are under way. Redrawn at most ten times a second, and at least once a second while
// nothing happens; one write a frame, so that nothing flickers. Loop thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "runner/report/live_frame.h"
#include "runner/report/paint.h"
#include "runner/report/sink.h"
#include "runner/run/clock.h"
#include "runner/run/observer.h"

namespace runner::report {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
};

class ConsoleLive final : public Observer {
 public:
  /// `clock` outlives this. `size` is asked before every frame.
  ConsoleLive(Sink sink, std::function<TerminalSize()> size, Clock& clock, Colour colour);
  /// Removes the bar; the lines above stay.
  ~ConsoleLive() override;

  /// REQUIRES: `state` stays until this is destroyed or the clock's loop has ended.
  void on_events(const RunState& state, const std::vector<Event>& events) override;
  void on_line(const dsl::NodeId& node, std::string_view line) override;
  void on_stopping(std::string_view by, StopHow how) override;

 private:
  void tick();
  void wait_for_tick();
  void draw();
  void erase(std::string& out, std::size_t terminal_columns) const;

  Sink sink_;                           // constant after construction
  std::function<TerminalSize()> size_;  // constant after construction
  Clock& clock_;
  Colour colour_;
  std::shared_ptr<bool> alive_;  // timers that outlive this look at it

  const RunState* state_ = nullptr;  // of the last on_events
  std::int64_t jobs_ = 1;
  std::unordered_map<std::string, std::string> last_lines_;  // of running nodes
  std::string scrolled_;             // lines that go above the frame with the next drawing
  std::vector<std::size_t> drawn_;   // columns of each line on the screen
  std::optional<StopHow> stopping_;  // the run was asked to stop
  bool changed_ = false;             // since the last drawing
  std::int64_t drawn_at_ms_ = 0;     // monotonic
};

}  // namespace runner::report
