#pragma once

// Every event as a line of JSON (runner/run/event_json.h, schemas/event.schema.json), as soon as
// the journal has it. Loop thread.

#include "runner/report/sink.h"
#include "runner/run/observer.h"

namespace runner::report {

class JsonLines final : public Observer {
 public:
  explicit JsonLines(Sink sink) : sink_(std::move(sink)) {}
  void on_events(const RunState& state, const std::vector<Event>& events) override;

 private:
  Sink sink_;
};

}  // namespace runner::report
