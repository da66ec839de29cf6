#pragma once

// The firewall that a run would have needed, as text to paste: proposed, never taken. Any thread;
// pure; fit for a terminal.

#include <string>

#include "runner/run/run_state.h"

namespace runner::report {

/// YAML with a rule for each host that tasks tried to reach and no rule allowed, who tried it, and
/// what cannot be allowed by a rule as comments.
std::string learned_rules(const RunState& state);

}  // namespace runner::report
