#pragma once

// Progress where there is no terminal: one line for each event that a person wants to know of, with
// the local time. Loop thread.

#include <cstdint>
#include <string>

#include "runner/report/paint.h"
#include "runner/report/sink.h"
#include "runner/run/observer.h"

namespace runner::report {

class ConsolePlain final : public Observer {
 public:
  ConsolePlain(Sink sink, Colour colour) : sink_(std::move(sink)), colour_(colour) {}
  void on_events(const RunState& state, const std::vector<Event>& events) override;
  void on_stopping(std::string_view by, StopHow how) override;

 private:
  Sink sink_;
  Colour colour_;
};

/// "14:03:59" of the machine's time zone.
std::string clock_text(std::int64_t wall_ms);

}  // namespace runner::report
