#include "dsl/yaml_mask.h"

#include <algorithm>
#include <utility>

namespace dsl {
namespace {

constexpr char kMask = '\x01';  // text_problem() refuses it, as every control character

bool is_one_of(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

/// Not `? key`, nor what no YAML takes. Whether quotes or a comment surround it does not matter.
bool is_text(std::string_view text, std::size_t mark) {
  constexpr std::string_view kSpace = " \t\r\n";
  constexpr std::string_view kBrackets = ",[]{}";
  const char before = mark > 0 ? text[mark - 1] : '\n';
  const char behind = mark + 1 < text.size() ? text[mark + 1] : '\n';
  if (!is_one_of(before, kSpace)) {
    return !is_one_of(before, kBrackets);
  }
  if (!is_one_of(behind, kSpace) && !is_one_of(behind, kBrackets)) {
    return true;
  }
  const std::size_t word = text.find_last_not_of(" \t", mark - (mark > 0 ? 1 : 0));
  return word != std::string_view::npos && word < mark && !is_one_of(text[word], "\r\n,[{}]:-?");
}

}  // namespace

std::optional<std::string> mask_question_marks(std::string_view text) {
  std::size_t mark = text.find('?');
  for (const std::string_view escape : {"\\x01", "\\u0001", "\\U00000001"}) {
    if (mark == std::string_view::npos || text.find(escape) != std::string_view::npos) {
      return std::nullopt;
    }
  }
  std::optional<std::string> masked;
  for (; mark != std::string_view::npos; mark = text.find('?', mark + 1)) {
    if (is_text(text, mark)) {
      masked = masked ? std::move(masked) : std::string(text);
      (*masked)[mark] = kMask;
    }
  }
  return masked;
}

std::string unmasked(std::string text) {
  std::replace(text.begin(), text.end(), kMask, '?');
  return text;
}

}  // namespace dsl
