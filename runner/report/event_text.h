#pragma once

// One event as one line for a person, or nothing where it is not worth one. Any thread; pure.

#include <cstddef>
#include <optional>
#include <string>

#include "runner/report/paint.h"
#include "runner/run/event.h"
#include "runner/run/run_state.h"

namespace runner::report {

/// `state` is after the event (or after later ones). No line feed at the end. No value: the event
/// says nothing that another line does not say. What was checked is cut to `evidence_width`
/// columns.
std::optional<std::string> event_text(const RunState& state,
                                      const Event& event,
                                      Colour colour,
                                      std::size_t evidence_width);

}  // namespace runner::report
