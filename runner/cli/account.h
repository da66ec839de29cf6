#pragma once

// Whose process this is, as records of what a person said show it. Main thread.

#include <string>

namespace runner::cli {

/// The name of the effective user; "user 1000" where it has none.
std::string account_name();

}  // namespace runner::cli
