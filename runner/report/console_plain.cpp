#include "runner/report/console_plain.h"

#include <ctime>
#include <limits>

#include <fmt/format.h>

#include "runner/report/event_text.h"

namespace runner::report {

std::string clock_text(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm local{};
  localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

constexpr std::size_t kWhole = std::numeric_limits<std::size_t>::max();  // a file has no width

void ConsolePlain::on_events(const RunState& state, const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    if (const auto line = event_text(state, event, colour_, kWhole)) {
      text += painted(clock_text(event.at_ms), Meaning::Quiet, colour_) + "  " + *line + "\n";
    }
  }
  if (!text.empty()) {
    sink_(text);
  }
}

void ConsolePlain::on_stopping(std::string_view by, StopHow how) {
  const bool now = how == StopHow::AtOnce;
  sink_(painted(now ? "killing" : "stopping", Meaning::Doubt, colour_) + " on " + std::string(by) +
        (now ? "\n" : "; once more kills what is under way at once\n"));
}

}  // namespace runner::report
