#pragma once

#include <algorithm>
#include <string_view>

namespace runner {

/// Names of fields, schemes and tokens of HTTP are alike in any case (RFC 9110, 5.1 and 11.1).
inline bool is_same_word(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; };
    return lower(a) == lower(b);
  });
}

/// Of a method or the name of a field (RFC 9110, 5.6.2).
inline bool is_http_token_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

}  // namespace runner
