#pragma once

// Regular expressions of `file: {matches: …}`: RE2, because it takes linear time whatever the
// pattern and the file (a node wrote one of the two). Any thread; pure.

#include <string>
#include <string_view>

#include "dsl/result.h"

namespace dsl {

/// An Error when the pattern is none that RE2 takes (no look-around, no back-references).
Status check_pattern(const std::string& pattern);

/// Whether the pattern occurs anywhere in the text, which need not be UTF-8; `^` and `$` stand for
/// lines. An Error as check_pattern gives it.
Result<bool> matches_pattern(const std::string& pattern, std::string_view text);

}  // namespace dsl
