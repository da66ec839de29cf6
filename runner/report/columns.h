#pragma once

// Text measured in terminal columns, not bytes. Expects what escape.h made (valid UTF-8, no control
// characters); colour sequences count for nothing. Any thread; pure.

#include <cstddef>
#include <string>
#include <string_view>

namespace runner::report {

/// How many columns the text takes: 2 for wide characters, 0 for combining ones.
std::size_t columns(std::string_view text);

/// At most `width` columns, "…" at the end where something was cut off. A colour that is on at the
/// cut is reset.
std::string cut(std::string_view text, std::size_t width);

/// As `cut`, but the middle gives way: paths and ids say most at both ends.
std::string cut_middle(std::string_view text, std::size_t width);

/// `text` and blanks up to `width` columns; longer text stays as it is.
std::string padded(std::string_view text, std::size_t width);

}  // namespace runner::report
