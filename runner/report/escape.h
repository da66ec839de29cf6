#pragma once

// Text that a job wrote, or that a file named, made fit for a terminal: nothing in it can move the
// cursor, ring, set a title, hide or reorder other text. Everything that report/ and cli/ show and
// did not write themselves goes through here. Any thread; pure.

#include <string>
#include <string_view>

namespace runner::report {

/// What becomes of colour sequences (SGR) of the job itself.
enum class Sgr { Strip, Keep };

/// One line: printable UTF-8 only. Escape sequences vanish whole; a tab becomes a blank; of text
/// that carriage returns overwrite, what stands at the end remains; other control characters (line
/// feeds too), bidirectional overrides and invalid UTF-8 become U+FFFD. With Sgr::Keep the result
/// ends with a reset when a colour was left on.
std::string one_line(std::string_view text, Sgr sgr = Sgr::Strip);

/// The same for several lines; line feeds stay, a last one is dropped.
std::string lines(std::string_view text, Sgr sgr = Sgr::Strip);

/// One line in which nothing vanishes, for whoever reviews it: control characters as ^X, others
/// that would hide or reorder text as <U+202E>, bytes that are no UTF-8 as <FF>. A tab stays.
std::string every_character(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace runner::report
