#pragma once

// How the checker of expressions words names and types. Internal to the expression files. Any
// thread; pure.

#include <string>
#include <string_view>
#include <vector>

#include "dsl/expression_check.h"

namespace dsl {

/// "'a', 'b' and 'c'", at most eight of them.
std::string list_names(const std::vector<std::string_view>& names);

/// The remedy for an unknown name: the nearest candidate, else all of them, else `none`.
std::string suggest_name(std::string_view name,
                         const std::vector<std::string_view>& candidates,
                         std::string_view none);

/// "a string", "null", …
std::string_view with_article(ExpressionType type);

}  // namespace dsl
