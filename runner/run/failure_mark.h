#pragma once

// By what it is known that a criterion failed in the same way again. Pure; any thread.

#include <string>
#include <string_view>

#include "runner/run/event.h"

namespace runner {

/// The text without what differs from one time to the next although the failure is the same: dates,
/// times and durations, addresses in memory, the folders of absolute paths (a workspace has another
/// one each time) and temporary files, colours, and how much space there is. Other figures stay:
/// fewer failing tests than before are another failure.
std::string without_chance(std::string_view text);

/// Equal for evidence of the same failure. A check that says nothing fails in the same way only
/// where nothing was changed since: `tree` is what it looked at.
std::string failure_mark(const Evidence& evidence, const std::string& tree);

}  // namespace runner
