#pragma once

// Regular expressions of criteria, checked before anything runs. Any thread.

#include <string>

#include "dsl/result.h"

namespace dsl {

/// An Error when the pattern is none that the verifier can match in linear time (RE2's syntax: no
/// look-around, no back-references).
Status check_pattern(const std::string& pattern);

}  // namespace dsl
