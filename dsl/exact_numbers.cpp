#include "dsl/exact_numbers.h"

#include <algorithm>
#include <cstddef>

namespace dsl {
namespace {

constexpr std::string_view kLastExact = "9007199254740992";  // 2^53

bool is_beyond(std::string_view number) {
  std::string_view digits = number.starts_with('-') ? number.substr(1) : number;
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.find_first_not_of("0123456789") == std::string_view::npos &&
         (digits.size() > kLastExact.size() ||
          (digits.size() == kLastExact.size() && digits > kLastExact));
}

/// Behind the text that begins at `at` with a '"'.
std::size_t text_end(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at) {
    at += json[at] == '\\' ? 1U : 0U;
  }
  return at + 1;
}

}  // namespace

std::string inexact_number(std::string_view json) {
  constexpr std::string_view kOfNumbers = "-+.eE0123456789";
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      at = text_end(json, at);
      continue;
    }
    const bool begins = json[at] == '-' || (json[at] >= '0' && json[at] <= '9');
    if (!begins) {
      ++at;
      continue;
    }
    const std::size_t end = std::min(json.find_first_not_of(kOfNumbers, at), json.size());
    if (is_beyond(json.substr(at, end - at))) {
      return std::string(json.substr(at, end - at));
    }
    at = end;
  }
  return "";
}

}  // namespace dsl
