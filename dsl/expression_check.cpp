#include "dsl/expression_check.h"

#include <utility>
#include <variant>

#include <fmt/format.h>

#include "dsl/expression_checker.h"
#include "dsl/expression_holes.h"
#include "dsl/expression_tree.h"

namespace dsl {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{4} << 20;

TextRange without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {0, text.size()};
  }
  return {begin, text.find_last_not_of(" \t\r\n") + 1};
}

/// For places where the whole text is one expression, with or without ${{ }}.
CheckedRange check_whole(std::string_view text,
                         const TextOrigin& origin,
                         const VisibleNames& names,
                         StatusFunctions status) {
  const TextRange range = without_blanks(text);
  const Holes holes = find_holes(text);
  const bool marked = !holes.holes.empty() || holes.error;
  // '$' has no meaning in an expression: what can be read has its "${{" inside a string.
  if (!marked || std::holds_alternative<ExpressionTree>(parse_expression(text))) {
    return check_range(text, range, origin, names, status);
  }
  if (!holes.holes.empty() && holes.holes[0].range.begin == range.begin &&
      holes.holes[0].range.end == range.end) {
    return check_range(text, holes.holes[0].inner, origin, names, status);
  }
  const SyntaxError around = {"P0709",
                              range,
                              "there is text around the '${{ }}', so that this is no single value",
                              "write all of it as one expression: ${{ a && b }}"};
  CheckedRange refused;
  refused.expression.diagnostics.push_back(
      to_diagnostic(holes.error ? *holes.error : around, origin, 0));
  return refused;
}

/// Adds a literal, joined to the piece before when that is one.
void add_literal(Template& text, std::string_view literal) {
  if (literal.empty()) {
    return;
  }
  if (text.pieces.empty() || text.pieces.back().kind != Template::Piece::Kind::Literal) {
    text.pieces.push_back({Template::Piece::Kind::Literal, ""});
  }
  text.pieces.back().text += literal;
}

bool only_literals(const Template& text) {
  return text.pieces.empty() ||
         (text.pieces.size() == 1 && text.pieces[0].kind == Template::Piece::Kind::Literal);
}

/// A format() text in which `literal` is nothing but text.
void add_escaped(std::string& format, std::string_view literal) {
  for (const char c : literal) {
    format += c;
    if (c == '{' || c == '}') {
      format += c;
    }
  }
}

}  // namespace

ExpressionType expression_type(ValueType type) {
  switch (type) {
    case ValueType::String:
      return ExpressionType::String;
    case ValueType::Number:
      return ExpressionType::Number;
    case ValueType::Boolean:
      return ExpressionType::Boolean;
    case ValueType::Json:
      break;
  }
  return ExpressionType::Json;
}

ExpressionType type_of(const Value& value) {
  if (value.is_null()) {
    return ExpressionType::Null;
  }
  if (std::holds_alternative<bool>(value.held)) {
    return ExpressionType::Boolean;
  }
  if (std::holds_alternative<double>(value.held)) {
    return ExpressionType::Number;
  }
  return std::holds_alternative<std::string>(value.held) ? ExpressionType::String
                                                         : ExpressionType::Json;
}

std::string_view to_text(ExpressionType type) {
  switch (type) {
    case ExpressionType::Null:
      return "null";
    case ExpressionType::Boolean:
      return "boolean";
    case ExpressionType::Number:
      return "number";
    case ExpressionType::String:
      return "string";
    case ExpressionType::Json:
      return "json";
  }
  return "";
}

CheckedText check_text(std::string_view text, const TextOrigin& origin, const VisibleNames& names) {
  const Holes holes = find_holes(text);
  CheckedText result;
  result.has_holes = !holes.holes.empty();
  std::size_t at = 0;
  std::size_t size = 0;
  for (const Hole& hole : holes.holes) {
    add_literal(result.text, text.substr(at, hole.range.begin - at));
    at = hole.range.end;
    CheckedRange checked = check_range(text, hole.inner, origin, names, StatusFunctions::Refused);
    CheckedExpression& expression = checked.expression;
    std::move(expression.diagnostics.begin(),
              expression.diagnostics.end(),
              std::back_inserter(result.diagnostics));
    const std::string literal = expression.value ? to_text(*expression.value) : "";
    size += literal.size() + expression.text.size();
    if (size > kMaxTextBytes) {
      result.diagnostics.push_back(
          to_diagnostic({"P0708",
                         hole.range,
                         "the text grows beyond 4 MiB when its inputs are put in",
                         "pass big data on in a file of the workspace"},
                        origin,
                        0));
      return result;
    }
    if (expression.value) {
      add_literal(result.text, literal);
    } else {
      result.text.pieces.push_back({Template::Piece::Kind::Expression, std::move(expression.text)});
    }
    if (hole.range.begin == 0 && hole.range.end == text.size()) {
      result.type = expression.type;
      result.value = std::move(expression.value);
      return result;
    }
  }
  if (holes.error) {
    result.diagnostics.push_back(to_diagnostic(*holes.error, origin, 0));
    return result;
  }
  add_literal(result.text, text.substr(at));
  if (only_literals(result.text)) {
    result.value = Value(result.text.pieces.empty() ? std::string() : result.text.pieces[0].text);
  }
  return result;
}

CheckedExpression check_expression(std::string_view text,
                                   const TextOrigin& origin,
                                   const VisibleNames& names) {
  return check_whole(text, origin, names, StatusFunctions::Refused).expression;
}

CheckedCondition check_condition(std::string_view text,
                                 const TextOrigin& origin,
                                 const VisibleNames& names) {
  CheckedRange checked = check_whole(text, origin, names, StatusFunctions::Allowed);
  CheckedCondition result;
  result.diagnostics = std::move(checked.expression.diagnostics);
  if (!result.diagnostics.empty()) {
    return result;
  }
  const std::optional<Value>& value = checked.expression.value;
  if (value) {
    result.never = !is_true(*value);
    if (result.never) {
      result.condition = "false";
    } else if (checked.asks_status) {
      result.condition = "true";
    }
  } else if (checked.asks_status) {
    result.condition = std::move(checked.expression.text);
  } else {
    result.condition = "success() && (" + checked.expression.text + ")";
  }
  return result;
}

std::string as_expression(const Template& text) {
  if (only_literals(text)) {
    return quote_expression_string(text.pieces.empty() ? "" : text.pieces[0].text);
  }
  if (text.pieces.size() == 1) {
    return text.pieces[0].text;
  }
  std::string format;
  std::string arguments;
  std::size_t count = 0;
  for (const Template::Piece& piece : text.pieces) {
    if (piece.kind == Template::Piece::Kind::Literal) {
      add_escaped(format, piece.text);
    } else {
      format += fmt::format("{{{}}}", count++);
      arguments += ", " + piece.text;
    }
  }
  return fmt::format("format({}{})", quote_expression_string(format), arguments);
}

}  // namespace dsl
