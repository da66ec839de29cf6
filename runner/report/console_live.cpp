#include "runner/report/console_live.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "runner/report/columns.h"
#include "runner/report/event_text.h"

namespace runner::report {
namespace {

constexpr std::int64_t kFrameMs = 100;
constexpr std::int64_t kIdleFrameMs = 1000;
constexpr std::size_t kEvidence = 60;  // columns

/// Events whose line stays on the screen. Starts, single checks and the end of the run are not
/// among them: the frame shows what is under way, and the checklist follows.
bool stays(const Event& event) {
  return std::holds_alternative<RunStarted>(event.what) ||
         std::holds_alternative<RunResumed>(event.what) ||
         std::holds_alternative<NodeSkipped>(event.what) ||
         std::holds_alternative<NodeReused>(event.what) ||
         std::holds_alternative<RetryScheduled>(event.what) ||
         std::holds_alternative<NodeParked>(event.what) ||
         std::holds_alternative<PersonAsked>(event.what) ||
         std::holds_alternative<PersonAnswered>(event.what) ||
         std::holds_alternative<NodeFinished>(event.what) ||
         std::holds_alternative<RunInterrupted>(event.what);
}

}  // namespace

ConsoleLive::ConsoleLive(Sink sink, std::function<TerminalSize()> size, Clock& clock, Colour colour)
    : sink_(std::move(sink)),
      size_(std::move(size)),
      clock_(clock),
      colour_(colour),
      alive_(std::make_shared<bool>(true)) {}

ConsoleLive::~ConsoleLive() {
  std::string out;
  erase(out, size_().columns);
  out += scrolled_;
  if (!out.empty()) {
    sink_(out);
  }
}

void ConsoleLive::on_events(const RunState& state, const std::vector<Event>& events) {
  const bool first = state_ == nullptr;
  state_ = &state;
  for (const Event& event : events) {
    if (const auto* started = std::get_if<RunStarted>(&event.what)) {
      jobs_ = started->jobs;
    } else if (const auto* attempt = std::get_if<AttemptStarted>(&event.what)) {
      last_lines_.erase(attempt->node.value);
    } else if (const auto* ended = std::get_if<AttemptEnded>(&event.what)) {
      last_lines_.erase(ended->node.value);
    }
    if (stays(event)) {
      if (const auto line = event_text(state, event, colour_, kEvidence)) {
        scrolled_ += *line + "\n";
      }
    }
  }
  changed_ = true;
  if (first) {
    draw();
    wait_for_tick();
  }
}

void ConsoleLive::on_line(const dsl::NodeId& node, std::string_view line) {
  last_lines_[node.value] = line;
  changed_ = true;
}

void ConsoleLive::on_stopping(std::string_view /*by*/, StopHow how) {
  stopping_ = how;
  changed_ = true;
}

void ConsoleLive::wait_for_tick() {
  clock_.after(dsl::Duration{kFrameMs}, [this, alive = std::weak_ptr<bool>(alive_)] {
    if (!alive.expired()) {
      tick();
    }
  });
}

void ConsoleLive::tick() {
  if (changed_ || clock_.monotonic_ms() - drawn_at_ms_ >= kIdleFrameMs) {
    draw();
  }
  wait_for_tick();
}

void ConsoleLive::draw() {
  const TerminalSize size = size_();
  LiveView view;
  view.now_ms = clock_.wall_ms();
  view.width = size.columns > 1 ? size.columns - 1 : 1;  // the last column would wrap
  view.height = size.rows;
  view.colour = colour_;
  view.jobs = jobs_;
  view.last_lines = &last_lines_;
  view.stopping = stopping_;

  std::string out = "\x1b[?2026h\x1b[?25l";  // one picture (where known), no cursor
  erase(out, size.columns);
  out += scrolled_;
  scrolled_.clear();
  drawn_.clear();
  for (const std::string& line : live_frame(*state_, view)) {
    out += drawn_.empty() ? "" : "\r\n";
    out += line + "\x1b[K";
    drawn_.push_back(columns(line));
  }
  out += "\x1b[?25h\x1b[?2026l";
  sink_(out);
  changed_ = false;
  drawn_at_ms_ = clock_.monotonic_ms();
}

/// Moves to the beginning of the frame and clears from there. A terminal that became narrower has
/// wrapped the lines of the frame, so each may take several rows now.
void ConsoleLive::erase(std::string& out, std::size_t terminal_columns) const {
  if (drawn_.empty()) {
    return;
  }
  std::size_t rows = 0;
  for (const std::size_t width : drawn_) {
    rows += std::max<std::size_t>(
        1, (width + terminal_columns - 1) / std::max<std::size_t>(terminal_columns, 1));
  }
  out += '\r';
  if (rows > 1) {
    out += fmt::format("\x1b[{}A", rows - 1);
  }
  out += "\x1b[J";
}

}  // namespace runner::report
