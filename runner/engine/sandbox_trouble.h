#pragma once

// Why a sandbox could not be set up, and what to do about it. Pure; any thread.

#include <string>

#include "dsl/result.h"

namespace runner {

/// `last_line` is what bubblewrap or pipe-init said last; the remedy follows after "; ".
std::string explain_sandbox_trouble(const std::string& last_line, int wait_status);

/// The same as an Error, for checks.
dsl::Error sandbox_trouble(const std::string& last_line, int wait_status);

}  // namespace runner
