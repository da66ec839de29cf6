#pragma once

// What is still to be done with the result of a run that passed. Pure; any thread.

#include "runner/run/run_state.h"

namespace runner {

enum class Owed { Nothing, Delivery, Push, PullRequest };

/// The next of them. Nothing of a run that has not passed. A result that changes nothing is neither
/// pushed nor proposed, and one that was undone stays so.
Owed owed(const RunState& state);

}  // namespace runner
