#pragma once

// The way back: what a provider answered, as the turn of a script that would say the same. Pure;
// any thread.

#include "runner/model/model_listener.h"
#include "runner/rehearsal/script.h"

namespace runner {

/// Whatever cannot be read is left out: a script says what was said, not how.
ScriptTurn turn_of(const HeardAnswer& answer, ModelApi api);

}  // namespace runner
