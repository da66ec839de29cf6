#pragma once

// What the next attempt is told of the one before. Pure.

#include <cstddef>
#include <string>

#include "runner/run/run_state.h"

namespace runner {

/// Why a person sent the work back; and, where the node asks for feedback and an attempt has failed
/// since, which criteria failed, how, and the end of their output. "" for neither.
std::string feedback_text(const RunState& state, std::size_t node);

}  // namespace runner
