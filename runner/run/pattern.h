#pragma once

// Regular expressions of `file: {matches: …}`: RE2, because it takes linear time whatever the
// pattern and the file (a node wrote one of the two). Pure.

#include <string>
#include <string_view>

#include "dsl/result.h"

namespace runner {

/// Whether the pattern occurs anywhere in the text; `^` and `$` stand for lines. An Error for a
/// pattern that RE2 does not take.
dsl::Result<bool> matches_pattern(const std::string& pattern, std::string_view text);

}  // namespace runner
