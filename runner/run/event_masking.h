#pragma once

// An event with the values of secrets masked in all that jobs and people said. Any thread.

#include "runner/run/event.h"
#include "runner/run/masking.h"

namespace runner {

/// Names, numbers and words that the runner itself gave stay as they are.
Event masked(const Event& event, const Masking& masking);

}  // namespace runner
