#include "dsl/expression_holes.h"

namespace dsl {
namespace {

/// The end of the expression that begins at `at`: the place of its "}}", or an error.
std::optional<std::size_t> find_close(std::string_view text, std::size_t at, SyntaxError& error) {
  const std::size_t open = at - 3;
  while (at < text.size()) {
    const std::size_t next = text.find_first_of("'}", at);
    if (next == std::string_view::npos) {
      break;
    }
    if (text[next] == '\'') {
      const std::size_t quote = text.find('\'', next + 1);
      if (quote == std::string_view::npos) {
        error = {"P0704",
                 {next, text.size()},
                 "the string that starts here has no end",
                 "close it with '; a quote inside a string is written twice: 'it''s'"};
        return std::nullopt;
      }
      at = quote + 1;
    } else if (text.substr(next, 2) == "}}") {
      return next;
    } else {
      at = next + 1;
    }
  }
  error = {"P0701",
           {open, open + 3},
           "the '${{' that starts here has no '}}'",
           "close it with '}}'; to write '${{' as text, use ${{ '${{' }}"};
  return std::nullopt;
}

}  // namespace

Holes find_holes(std::string_view text) {
  Holes result;
  std::size_t at = text.find("${{");
  while (at != std::string_view::npos) {
    SyntaxError error;
    const std::optional<std::size_t> close = find_close(text, at + 3, error);
    if (!close) {
      result.error = std::move(error);
      return result;
    }
    result.holes.push_back({{at, *close + 2}, {at + 3, *close}});
    at = text.find("${{", *close + 2);
  }
  return result;
}

}  // namespace dsl
