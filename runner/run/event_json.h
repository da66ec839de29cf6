#pragma once

// Event <-> JSON, one object a line: {"version":1,"sequence":…,"at_ms":…,"kind":"attempt_started",
// …}; schemas/event.schema.json describes it. Any thread.

#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/run/event.h"

namespace runner {

std::string event_to_json(const Event& event);

/// An Error for what is no event of ours, or is of a newer version.
dsl::Result<Event> event_from_json(std::string_view text);

}  // namespace runner
