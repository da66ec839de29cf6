#include "runner/report/jsonl.h"

#include <string>

#include "runner/run/event_json.h"

namespace runner::report {

void JsonLines::on_events(const RunState& /*state*/, const std::vector<Event>& events) {
  std::string text;
  for (const Event& event : events) {
    text += event_to_json(event);
    text += '\n';
  }
  sink_(text);
}

}  // namespace runner::report
