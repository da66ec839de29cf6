#pragma once

// How long a run will still take, guessed from what its author expects, from what its tasks took in
// earlier runs, and from what they have taken in this one. Any thread; pure; linear in nodes and
// needs.

#include <cstdint>
#include <optional>

#include "runner/run/run_state.h"

namespace runner::report {

/// Milliseconds: the longer of the longest path of what is left and of all its work on `jobs`
/// places. No value while nothing is known about any task that is left (no `expect:`, never
/// run before, none of them has ended yet).
std::optional<std::int64_t> time_left(const RunState& state,
                                      std::int64_t jobs,
                                      std::int64_t now_ms);

}  // namespace runner::report
