#pragma once

// What yaml-cpp does not tell about a text: whether it is text at all, where a scalar ends, and
// what its author meant where the parser gave up. Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace dsl {

/// Why these bytes are no text that a pipeline file may hold: malformed UTF-8, NUL or another
/// control character, another encoding.
struct TextProblem {
  std::size_t offset = 0;
  std::string message;
  std::string remedy;
};
std::optional<TextProblem> text_problem(std::string_view text);

/// Skips `&anchor` and `!tag` and the blanks behind them.
std::size_t skip_properties(std::string_view text, std::size_t at);

/// The end of a scalar that begins at `begin` and was decoded to `decoded`: behind the closing
/// quote, behind the last line of a block, behind the last letter. Nothing when a quote is never
/// closed.
std::optional<std::size_t> scalar_end(std::string_view text,
                                      std::size_t begin,
                                      std::string_view decoded);

/// The end of what stands on one line, without blanks and a comment behind it.
std::size_t token_end(std::string_view text, std::size_t begin);

/// A syntax error in the author's words. `parser_message` is yaml-cpp's.
struct SyntaxProblem {
  std::string_view code;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string message;
  std::string remedy;
};
/// The `- [ ] text` that stands on the line of `offset`, if it is one: a box that nobody quoted.
std::optional<SyntaxProblem> bare_checkbox(std::string_view text, std::size_t offset);

SyntaxProblem explain_syntax(std::string_view text,
                             std::size_t offset,
                             std::string_view parser_message);

}  // namespace dsl
