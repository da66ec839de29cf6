#include "dsl/expression_lexer.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace dsl {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Bytes of the UTF-8 character that starts with `c`; 1 for a byte that starts none.
std::size_t character_length(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0xF0) {
    return 4;
  }
  if (byte >= 0xE0) {
    return 3;
  }
  return byte >= 0xC0 ? 2 : 1;
}

/// "0x1f" and "0o17" without their sign.
bool parse_radix(std::string_view digits, int base, double& number) {
  std::uint64_t whole = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, problem] = std::from_chars(digits.data(), end, whole, base);
  number = static_cast<double>(whole);
  return problem == std::errc() && stopped == end;
}

bool parse_number(std::string_view text, double& number) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) {
    text.remove_prefix(1);
  }
  bool valid = false;
  if (text.starts_with("0x")) {
    valid = parse_radix(text.substr(2), 16, number);
  } else if (text.starts_with("0o")) {
    valid = parse_radix(text.substr(2), 8, number);
  } else if (!text.empty() && (is_digit(text.front()) || text.front() == '.')) {
    const char* end = text.data() + text.size();
    const auto [stopped, problem] = std::from_chars(text.data(), end, number);
    valid = problem == std::errc() && stopped == end && std::isfinite(number);
  }
  if (negative) {
    number = -number;
  }
  return valid;
}

}  // namespace

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool is_name_part(char c) {
  return is_name_start(c) || is_digit(c) || c == '-';
}

ExpressionToken ExpressionLexer::token(ExpressionToken::Kind kind, std::size_t length) {
  ExpressionToken result;
  result.kind = kind;
  result.range = {at_, at_ + length};
  at_ += length;
  return result;
}

ExpressionToken ExpressionLexer::comparison(Comparison comparison, std::size_t length) {
  ExpressionToken result = token(ExpressionToken::Kind::Compare, length);
  result.comparison = comparison;
  return result;
}

ExpressionToken ExpressionLexer::bad(std::string code,
                                     std::size_t end,
                                     std::string message,
                                     std::string remedy) {
  ExpressionToken result = token(ExpressionToken::Kind::Bad, end - at_);
  result.error = {std::move(code), result.range, std::move(message), std::move(remedy)};
  return result;
}

ExpressionToken ExpressionLexer::next() {
  while (at_ < text_.size() && is_blank(text_[at_])) {
    ++at_;
  }
  if (at_ == text_.size()) {
    return token(ExpressionToken::Kind::End, 0);
  }
  const char c = text_[at_];
  const char after = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
  if (c == '\'') {
    return string();
  }
  const bool signed_number = (c == '-' || c == '+') && (is_digit(after) || after == '.');
  if (is_digit(c) || signed_number || (c == '.' && is_digit(after))) {
    return number();
  }
  return is_name_start(c) ? name() : symbol();
}

ExpressionToken ExpressionLexer::string() {
  std::string content;
  std::size_t end = at_ + 1;
  for (;;) {
    const std::size_t quote = text_.find('\'', end);
    if (quote == std::string_view::npos) {
      return bad("P0704",
                 text_.size(),
                 "the string that starts here has no end",
                 "close it with '; a quote inside a string is written twice: 'it''s'");
    }
    content.append(text_, end, quote - end);
    end = quote + 1;
    if (end == text_.size() || text_[end] != '\'') {
      break;
    }
    content.push_back('\'');
    ++end;
  }
  ExpressionToken result = token(ExpressionToken::Kind::String, end - at_);
  result.literal = Value(std::move(content));
  return result;
}

ExpressionToken ExpressionLexer::number() {
  std::size_t end = at_ + 1;
  while (end < text_.size()) {
    const char c = text_[end];
    const bool exponent_sign = (c == '+' || c == '-') &&
                               (text_[end - 1] == 'e' || text_[end - 1] == 'E') &&
                               text_.substr(at_, 2) != "0x";
    if (!is_digit(c) && !is_name_start(c) && c != '.' && !exponent_sign) {
      break;
    }
    ++end;
  }
  double value = 0;
  if (!parse_number(text_.substr(at_, end - at_), value)) {
    return bad("P0705",
               end,
               fmt::format("'{}' is no number", text_.substr(at_, end - at_)),
               "numbers look like 42, -1.5, 2.5e3, 0xff or 0o17");
  }
  ExpressionToken result = token(ExpressionToken::Kind::Number, end - at_);
  result.literal = Value(value);
  return result;
}

ExpressionToken ExpressionLexer::name() {
  std::size_t end = at_ + 1;
  while (end < text_.size() && is_name_part(text_[end])) {
    ++end;
  }
  return token(ExpressionToken::Kind::Name, end - at_);
}

ExpressionToken ExpressionLexer::symbol() {
  using Kind = ExpressionToken::Kind;
  const std::string_view two = text_.substr(at_, 2);
  if (two == "&&") {
    return token(Kind::And, 2);
  }
  if (two == "||") {
    return token(Kind::Or, 2);
  }
  if (two == "==") {
    return comparison(Comparison::Equal, 2);
  }
  if (two == "!=") {
    return comparison(Comparison::NotEqual, 2);
  }
  if (two == "<=") {
    return comparison(Comparison::LessOrEqual, 2);
  }
  if (two == ">=") {
    return comparison(Comparison::GreaterOrEqual, 2);
  }
  switch (text_[at_]) {
    case '<':
      return comparison(Comparison::Less, 1);
    case '>':
      return comparison(Comparison::Greater, 1);
    case '!':
      return token(Kind::Not, 1);
    case '.':
      return token(Kind::Dot, 1);
    case ',':
      return token(Kind::Comma, 1);
    case '*':
      return token(Kind::Star, 1);
    case '(':
      return token(Kind::OpenParen, 1);
    case ')':
      return token(Kind::CloseParen, 1);
    case '[':
      return token(Kind::OpenBracket, 1);
    case ']':
      return token(Kind::CloseBracket, 1);
    default:
      return foreign_symbol();
  }
}

ExpressionToken ExpressionLexer::foreign_symbol() {
  switch (text_[at_]) {
    case '"':
      return bad("P0703",
                 at_ + 1,
                 "an expression's strings stand in single quotes",
                 "write 'text' instead of \"text\"");
    case '=':
      return bad("P0703", at_ + 1, "'=' is no operator of an expression", "to compare, write '=='");
    case '&':
      return bad("P0703", at_ + 1, "'&' is no operator of an expression", "write '&&'");
    case '|':
      return bad("P0703",
                 at_ + 1,
                 "'|' is no operator of an expression",
                 "write '||'; there are no filters, but functions: join(x, ', ')");
    case '+':
      return bad("P0703",
                 at_ + 1,
                 "expressions do not add",
                 "to put texts together, write format('{0}{1}', a, b)");
    case '-':
    case '/':
    case '%':
      return bad("P0703",
                 at_ + 1,
                 "expressions do not calculate",
                 "calculate in the task's script, and pass the result on as an output");
    default:
      break;
  }
  const std::size_t end = std::min(text_.size(), at_ + character_length(text_[at_]));
  const auto byte = static_cast<unsigned char>(text_[at_]);
  const std::string shown = byte < 0x20 || byte == 0x7F
                                ? fmt::format("byte 0x{:02x}", byte)
                                : fmt::format("'{}'", text_.substr(at_, end - at_));
  return bad("P0703", end, shown + " has no meaning in an expression", "");
}

}  // namespace dsl
