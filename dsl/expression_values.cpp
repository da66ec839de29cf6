#include "dsl/expression_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "dsl/expression_lexer.h"

namespace dsl {
namespace {

char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Like strcmp, without regard to ASCII case.
int compare_text(std::string_view left, std::string_view right) {
  const std::size_t common = std::min(left.size(), right.size());
  for (std::size_t k = 0; k < common; ++k) {
    const auto a = static_cast<unsigned char>(to_lower(left[k]));
    const auto b = static_cast<unsigned char>(to_lower(right[k]));
    if (a != b) {
      return a < b ? -1 : 1;
    }
  }
  if (left.size() == right.size()) {
    return 0;
  }
  return left.size() < right.size() ? -1 : 1;
}

bool starts_with(std::string_view text, std::string_view start) {
  return compare_text(text.substr(0, start.size()), start) == 0;
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && compare_text(text.substr(text.size() - end.size()), end) == 0;
}

bool contains_text(std::string_view text, std::string_view part) {
  const auto found =
      std::search(text.begin(), text.end(), part.begin(), part.end(), [](char a, char b) {
        return to_lower(a) == to_lower(b);
      });
  return found != text.end() || part.empty();
}

/// The number that a text is written as, blanks around it ignored; NaN otherwise.
double text_as_number(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return 0;
  }
  text = text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
  ExpressionLexer lexer(text);
  const ExpressionToken token = lexer.next();
  const bool whole = token.kind == ExpressionToken::Kind::Number && token.range.end == text.size();
  return whole ? std::get<double>(token.literal.held) : std::numeric_limits<double>::quiet_NaN();
}

double as_number(const Value& value) {
  if (value.is_null()) {
    return 0;
  }
  if (const auto* flag = std::get_if<bool>(&value.held)) {
    return *flag ? 1 : 0;
  }
  if (const auto* number = std::get_if<double>(&value.held)) {
    return *number;
  }
  const auto* text = std::get_if<std::string>(&value.held);
  return text != nullptr ? text_as_number(*text) : std::numeric_limits<double>::quiet_NaN();
}

bool is_collection(const Value& value) {
  return std::holds_alternative<Value::List>(value.held) ||
         std::holds_alternative<Value::Record>(value.held);
}

template <class T>
bool holds(Comparison comparison, const T& left, const T& right) {
  switch (comparison) {
    case Comparison::Equal:
      return left == right;
    case Comparison::NotEqual:
      return !(left == right);
    case Comparison::Less:
      return left < right;
    case Comparison::LessOrEqual:
      return left <= right;
    case Comparison::Greater:
      return left > right;
    case Comparison::GreaterOrEqual:
      return left >= right;
  }
  return false;
}

bool contains(const Value& search, const Value& item) {
  if (const auto* list = std::get_if<Value::List>(&search.held)) {
    return std::any_of(list->begin(), list->end(), [&](const Value& each) {
      return compare(each, Comparison::Equal, item);
    });
  }
  return !is_collection(search) && !is_collection(item) &&
         contains_text(to_text(search), to_text(item));
}

/// Appends as long as the allowance lasts.
class BoundedText {
 public:
  explicit BoundedText(TextAllowance& allowance) : allowance_(allowance) {}

  void add(std::string_view text) {
    full_ = full_ || text.size() > allowance_.left;
    if (!full_) {
      allowance_.left -= text.size();
      text_ += text;
    }
  }

  Result<Value> take() {
    if (full_) {
      return Error{fmt::format("the texts of this expression grow beyond {} MiB",
                               TextAllowance{}.left >> 20U),
                   "pass big data on in a file of the workspace"};
    }
    return Value(std::move(text_));
  }

 private:
  TextAllowance& allowance_;
  std::string text_;
  bool full_ = false;
};

/// One piece of a format() text.
struct FormatPiece {
  std::string_view literal;             // before the hole
  std::optional<std::size_t> argument;  // the hole's number; none: only the literal
};

Error bad_format(std::string_view problem) {
  return {std::string(problem),
          "a place is written {0}, {1}, …; a brace of the text is written twice: {{ }}"};
}

/// Takes the next piece off the front of `rest`.
Result<FormatPiece> next_piece(std::string_view& rest) {
  const std::size_t brace = rest.find_first_of("{}");
  FormatPiece piece;
  if (brace == std::string_view::npos) {
    piece.literal = std::exchange(rest, {});
    return piece;
  }
  if (brace + 1 < rest.size() && rest[brace + 1] == rest[brace]) {
    piece.literal = rest.substr(0, brace + 1);
    rest.remove_prefix(brace + 2);
    return piece;
  }
  const std::size_t close = rest.find('}', brace);
  if (rest[brace] == '}' || close == std::string_view::npos) {
    return bad_format(fmt::format("a single '{}' in the text of format()", rest[brace]));
  }
  const std::string_view digits = rest.substr(brace + 1, close - brace - 1);
  std::size_t number = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, failure] = std::from_chars(digits.data(), end, number);
  if (failure != std::errc() || stopped != end) {
    return bad_format(fmt::format("'{{{}}}' is no place of format()", digits));
  }
  piece.literal = rest.substr(0, brace);
  piece.argument = number;
  rest.remove_prefix(close + 1);
  return piece;
}

Error no_such_argument(std::size_t number, std::size_t arguments) {
  return {fmt::format("format() has no value for '{{{}}}', it was given {}", number, arguments),
          "places count from {0}"};
}

Result<Value> format(const std::vector<Value>& arguments, TextAllowance& allowance) {
  const std::string text = to_text(arguments.front());
  BoundedText out(allowance);
  for (std::string_view rest = text; !rest.empty();) {
    const Result<FormatPiece> piece = next_piece(rest);
    if (!piece) {
      return piece.error();
    }
    out.add(piece->literal);
    if (!piece->argument) {
      continue;
    }
    if (*piece->argument + 1 >= arguments.size()) {
      return no_such_argument(*piece->argument, arguments.size() - 1);
    }
    out.add(to_text(arguments[*piece->argument + 1]));
  }
  return out.take();
}

Result<Value> join(const std::vector<Value>& arguments, TextAllowance& allowance) {
  const auto* list = std::get_if<Value::List>(&arguments.front().held);
  if (list == nullptr) {
    return Value(to_text(arguments.front()));
  }
  const std::string separator = arguments.size() > 1 ? to_text(arguments[1]) : ",";
  BoundedText out(allowance);
  for (const Value& item : *list) {
    if (&item != list->data()) {
      out.add(separator);
    }
    out.add(to_text(item));
  }
  return out.take();
}

Result<Value> to_json_text(const Value& value, TextAllowance& allowance) {
  BoundedText out(allowance);
  out.add(to_json(value));
  return out.take();
}

Result<Value> from_json_text(const Value& value) {
  Result<Value> read = value_from_json(to_text(value));
  return read ? std::move(read) : Result<Value>(read.error().within("fromJSON"));
}

using enum ExpressionFunction;
constexpr std::size_t kMany = kMaxExpressionBytes;  // more cannot be written

constexpr std::array kFunctions = {
    FunctionFacts{Contains, "contains", "contains(search, item)", 2, 2},
    FunctionFacts{StartsWith, "startsWith", "startsWith(text, start)", 2, 2},
    FunctionFacts{EndsWith, "endsWith", "endsWith(text, end)", 2, 2},
    FunctionFacts{Format, "format", "format('…{0}…', value, …)", 1, kMany},
    FunctionFacts{Join, "join", "join(list, separator)", 1, 2},
    FunctionFacts{ToJson, "toJSON", "toJSON(value)", 1, 1},
    FunctionFacts{FromJson, "fromJSON", "fromJSON(text)", 1, 1},
    FunctionFacts{HashFiles, "hashFiles", "hashFiles(pattern, …)", 1, kMany},
    FunctionFacts{Success, "success", "success()", 0, 0},
    FunctionFacts{Failure, "failure", "failure()", 0, 0},
    FunctionFacts{Always, "always", "always()", 0, 0},
    FunctionFacts{Cancelled, "cancelled", "cancelled()", 0, 0},
};

}  // namespace

bool is_true(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value.held)) {
    return *flag;
  }
  if (const auto* number = std::get_if<double>(&value.held)) {
    return *number != 0 && !std::isnan(*number);
  }
  if (const auto* text = std::get_if<std::string>(&value.held)) {
    return !text->empty();
  }
  return !value.is_null();
}

bool compare(const Value& left, Comparison comparison, const Value& right) {
  const auto* left_text = std::get_if<std::string>(&left.held);
  const auto* right_text = std::get_if<std::string>(&right.held);
  if (left_text != nullptr && right_text != nullptr) {
    return holds(comparison, compare_text(*left_text, *right_text), 0);
  }
  if (is_collection(left) || is_collection(right)) {
    const bool equal = left == right;
    return (comparison == Comparison::Equal && equal) ||
           (comparison == Comparison::NotEqual && !equal);
  }
  return holds(comparison, as_number(left), as_number(right));
}

bool is_ordered(Comparison comparison) {
  return comparison != Comparison::Equal && comparison != Comparison::NotEqual;
}

const Value* member_of(const Value& value, std::string_view name) {
  return value.find(name);
}

const Value* item_of(const Value& value, const Value& index) {
  const auto* list = std::get_if<Value::List>(&value.held);
  if (list == nullptr) {
    return is_collection(index) ? nullptr : value.find(to_text(index));
  }
  const double place = std::floor(as_number(index));
  if (!(place >= 0) || place >= static_cast<double>(list->size())) {
    return nullptr;
  }
  return &(*list)[static_cast<std::size_t>(place)];
}

const FunctionFacts* find_function(std::string_view name) {
  const auto* found =
      std::find_if(kFunctions.begin(), kFunctions.end(), [&](const FunctionFacts& each) {
        return compare_text(each.name, name) == 0;
      });
  return found == kFunctions.end() ? nullptr : found;
}

std::vector<std::string_view> function_names() {
  std::vector<std::string_view> names;
  names.reserve(kFunctions.size());
  for (const FunctionFacts& each : kFunctions) {
    names.push_back(each.name);
  }
  return names;
}

bool is_status_function(ExpressionFunction function) {
  return function == Success || function == Failure || function == Always || function == Cancelled;
}

Result<Value> call_pure(ExpressionFunction function,
                        const std::vector<Value>& arguments,
                        TextAllowance& allowance) {
  switch (function) {
    case Contains:
      return Value(contains(arguments[0], arguments[1]));
    case StartsWith:
      return Value(starts_with(to_text(arguments[0]), to_text(arguments[1])));
    case EndsWith:
      return Value(ends_with(to_text(arguments[0]), to_text(arguments[1])));
    case Format:
      return format(arguments, allowance);
    case Join:
      return join(arguments, allowance);
    case ToJson:
      return to_json_text(arguments[0], allowance);
    case FromJson:
      return from_json_text(arguments[0]);
    case HashFiles:
    case Success:
    case Failure:
    case Always:
    case Cancelled:
      break;
  }
  return Error{"BUG: a function that looks at the run is not pure", ""};
}

std::optional<Error> check_format(std::string_view format, std::size_t arguments) {
  while (!format.empty()) {
    const Result<FormatPiece> piece = next_piece(format);
    if (!piece) {
      return piece.error();
    }
    if (piece->argument && *piece->argument >= arguments) {
      return no_such_argument(*piece->argument, arguments);
    }
  }
  return std::nullopt;
}

}  // namespace dsl
