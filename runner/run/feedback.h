#pragma once

// What the next attempt is told of the one before. Pure.

#include <cstddef>
#include <string>

#include "runner/run/run_state.h"

namespace runner {

/// Which criteria failed, how, and the end of their output. "" where nothing has failed yet or the
/// node does not ask for feedback.
std::string feedback_text(const RunState& state, std::size_t node);

}  // namespace runner
