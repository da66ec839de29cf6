#pragma once

// The form of Conventional Commits (conventionalcommits.org 1.0.0). Any thread; pure.

#include <optional>
#include <string_view>

#include "dsl/result.h"

namespace dsl {

/// Why the first line of a message is none: it is "type(scope)!: what". Merges ("Merge …") and
/// reverts that git writes are.
std::optional<Error> conventional_problem(std::string_view message);

}  // namespace dsl
