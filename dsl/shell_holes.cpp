// What a hole becomes, by the place where it stands.

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>

#include "dsl/shell_binder.h"

namespace dsl {

void ScriptBinder::hole() {
  const std::size_t number = next_hole_++;
  const Hole& hole = holes_.holes[number];
  at_ = hole.range.end;
  CheckedRange checked =
      check_range(script_, hole.inner, origin_, names_, StatusFunctions::Refused);
  CheckedExpression& expression = checked.expression;
  const bool good = expression.diagnostics.empty();
  std::move(expression.diagnostics.begin(),
            expression.diagnostics.end(),
            std::back_inserter(result_.diagnostics));
  is_number_ = !good || expression.type == ExpressionType::Number;
  const std::optional<bool> quotes = quotes_for(number);
  in_word();
  if (good && quotes) {
    const std::string reference = "${" + variable(expression, hole.range) + "}";
    result_.script += *quotes ? "\"" + reference + "\"" : reference;
  }
}

/// Whether the reference needs quotes of its own; nothing: it must not stand here.
std::optional<bool> ScriptBinder::quotes_for(std::size_t number) {
  const TextRange range = holes_.holes[number].range;
  Frame& frame = top();
  if (backquotes_ > 0 && innermost_backquote().nested) {
    complain("P0737",
             range,
             "an expression cannot stand in backquotes inside of backquotes",
             "write $( ) instead of backquotes");
    return std::nullopt;
  }
  if (!is_number_ && calculates(number)) {
    refuse_in_arithmetic(number);
    return std::nullopt;
  }
  switch (frame.place) {
    case Place::Script:
    case Place::Command:
    case Place::Backquote:
      return !frame.subscript;
    case Place::Double:
    case Place::HereDocument:
    case Place::Arithmetic:
      return false;
    case Place::Single:
      complain("P0731",
               range,
               "nothing is put in here: the shell expands no variable in single quotes",
               "use double quotes, or end the single quotes before the expression");
      return std::nullopt;
    case Place::AnsiC:
      complain("P0732",
               range,
               "nothing is put in here: the shell expands no variable in $'…'",
               "end the quotes before the expression, and go on after it");
      return std::nullopt;
    case Place::Parameter:
      return in_parameter(range);
  }
  return std::nullopt;
}

/// bash calculates with the text that stands here, and runs what stands in it as a[$(…)].
bool ScriptBinder::calculates(std::size_t number) {
  auto frame = stack_.rbegin();
  while (frame->place == Place::Double ||
         (frame->place == Place::Parameter &&
          (frame->operand == Operand::Default || frame->operand == Operand::Pattern))) {
    ++frame;  // what is quoted here is calculated with all the same; the first is a Script
  }
  if (frame->place == Place::Arithmetic) {
    return true;
  }
  if (frame->place == Place::Parameter) {
    return frame->operand == Operand::Subscript || frame->operand == Operand::Substring;
  }
  if (frame->in_test && !frame->number_test) {
    frame->test_holes.push_back(number);  // an operator like -eq may follow
  }
  return frame->subscript || (frame->in_test && frame->number_test);
}

std::optional<bool> ScriptBinder::in_parameter(TextRange range) {
  switch (top().operand) {
    case Operand::Name:
      refuse_as_name(range);
      return std::nullopt;
    case Operand::Subscript:
    case Operand::Substring:
      return false;
    case Operand::Pattern:
      if (top().here_text) {
        complain("P0740",
                 range,
                 "shells do not agree what is a pattern inside of a here-document",
                 "do this in a variable before the here-document");
        return std::nullopt;
      }
      return true;
    case Operand::Default:
      break;
  }
  return !top().quoted;
}

void ScriptBinder::refuse_in_arithmetic(std::size_t number) {
  complain("P0736",
           holes_.holes[number].range,
           "the shell calculates with what stands here, so that a text could become code",
           "only an expression of type number can stand here: declare the input or output as one");
}

void ScriptBinder::refuse_as_name(TextRange range) {
  complain("P0735",
           range,
           "an expression cannot be a name here",
           "write the name itself; a value can follow an operator: ${name:-${{ … }}}");
}

/// The variable that holds the value; equal ones share one.
std::string ScriptBinder::variable(const CheckedExpression& expression, TextRange range) {
  Template value;
  if (expression.value) {
    value = Template(to_text(*expression.value));
  } else {
    value.pieces.push_back({Template::Piece::Kind::Expression, expression.text});
  }
  const std::string& text = value.pieces.empty() ? std::string() : value.pieces[0].text;
  if (expression.value && text.find('\0') != std::string::npos) {
    complain("P0724", range, "the value holds a NUL byte, which no variable can hold", "");
  }
  const auto [entry, fresh] =
      variables_.try_emplace({expression.value.has_value(), text}, variables_.size() + 1);
  std::string name = fmt::format("PIPE_EXPR_{}", entry->second);
  if (fresh) {
    result_.env.push_back({name, std::move(value)});
  }
  return name;
}

}  // namespace dsl
