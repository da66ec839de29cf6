#include "dsl/image_reference.h"

#include <algorithm>

namespace dsl {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

bool is_image_reference(std::string_view text) {
  constexpr std::size_t kLongest = 400;
  if (text.size() > kLongest) {
    return false;
  }
  while (true) {
    const std::size_t end = std::min(text.find('/'), text.size());
    const std::string_view part = text.substr(0, end);
    const bool fits = !part.empty() && is_letter_or_digit(part.front()) &&
                      std::all_of(part.begin(), part.end(), [](char c) {
                        return is_letter_or_digit(c) ||
                               std::string_view("._-:@").find(c) != std::string_view::npos;
                      });
    if (!fits || end == text.size()) {
      return fits;
    }
    text.remove_prefix(end + 1);
  }
}

}  // namespace dsl
