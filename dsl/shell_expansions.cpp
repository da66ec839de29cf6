// Dollar signs and backquotes: substitutions, parameters and arithmetic.

#include <algorithm>

#include "dsl/shell_binder.h"

namespace dsl {

void ScriptBinder::dollar() {
  if (refuse_before_hole("$")) {
    in_word();
    return;
  }
  const bool quoted = is_quoted();
  in_word();
  const char next = peek(1);
  if (next == '(' && peek(2) == '(') {
    copy(3);
    push_arithmetic(')', true);
  } else if (next == '(') {
    copy(2);
    push(Place::Command);
  } else if (next == '[') {
    copy(2);
    push_arithmetic(']', true);
  } else if (next == '{') {
    begin_parameter(quoted, in_here_text());
  } else if (next == '\'' && !quoted && top().place != Place::Arithmetic) {
    copy(2);
    push(Place::AnsiC);
  } else {
    copy(next == '$' && !hole_at(at_ + 1) ? 2 : 1);
  }
}

void ScriptBinder::push_arithmetic(char close, bool dollar) {
  push(Place::Arithmetic);
  top().close = close;
  top().dollar = dollar;
}

void ScriptBinder::backquote() {
  if (backquotes_ == 0) {
    const bool quoted = is_quoted();
    in_word();
    copy(1);
    push(Place::Backquote);
    top().quoted = quoted;
    ++backquotes_;
    return;
  }
  // The shell looks for the other end first, whatever stands between.
  while (top().place != Place::Backquote) {
    pop();
  }
  copy(1);
  pop();
  --backquotes_;
  find_here_document();
}

ScriptBinder::Frame& ScriptBinder::innermost_backquote() {
  return *std::find_if(stack_.rbegin(), stack_.rend(), [](const Frame& frame) {
    return frame.place == Place::Backquote;
  });
}

/// Inside double quotes or a here-document: no words, no patterns, and ' is a letter.
bool ScriptBinder::is_quoted() {
  const Frame& frame = top();
  return frame.place == Place::Double || frame.place == Place::HereDocument ||
         (frame.place == Place::Parameter && frame.quoted);
}

/// The text of a here-document itself, or the ${ } of such.
bool ScriptBinder::in_here_text() {
  const Frame& frame = top();
  return frame.place == Place::HereDocument || (frame.place == Place::Parameter && frame.here_text);
}

void ScriptBinder::begin_parameter(bool quoted, bool here_text) {
  copy(2);
  push(Place::Parameter);
  top().quoted = quoted;
  top().here_text = here_text;
  if (!hole_at(at_) && std::string_view("#!?-@*$").find(peek(0)) != std::string_view::npos &&
      at_ < script_.size()) {
    copy(1);
  }
}

void ScriptBinder::parameter_byte(char c) {
  Frame& frame = top();
  if (frame.operand == Operand::Subscript) {
    copy(1);
    if (c == ']') {
      frame.operand = Operand::Name;
    }
    return;
  }
  copy(1);
  if (c == '}') {
    pop();
  } else if (frame.operand == Operand::Name) {
    name_byte(c);
  } else if (c == '"') {
    push(Place::Double);
  } else if (c == '\'' && (!frame.quoted || frame.operand == Operand::Pattern)) {
    push(Place::Single);
  }
}

/// A byte of ${ } that may be the operator; it is copied already.
void ScriptBinder::name_byte(char c) {
  Operand& operand = top().operand;
  if (c == '[') {
    operand = Operand::Subscript;
  } else if (c == '-' || c == '=' || c == '?' || c == '+') {
    operand = Operand::Default;
  } else if (c == '#' || c == '%' || c == '/' || c == '^' || c == ',') {
    operand = Operand::Pattern;
  } else if (c == ':') {
    const bool has_default = at_ < script_.size() &&
                             std::string_view("-=?+").find(script_[at_]) != std::string_view::npos;
    operand = has_default ? Operand::Default : Operand::Substring;
  }
}

void ScriptBinder::arithmetic_byte(char c) {
  Frame& frame = top();
  if (c == '"' || c == '\'') {
    copy(1);
    push(c == '"' ? Place::Double : Place::Single);
  } else if (frame.close == ']') {
    copy(1);
    if (c == ']') {
      pop();
    }
  } else if (c == '(') {
    copy(1);
    ++frame.parens;
  } else if (c != ')' || frame.parens > 0) {
    copy(1);
    frame.parens -= c == ')' ? 1 : 0;
  } else if (peek(1) == ')') {
    copy(2);
    pop();
  } else {
    not_arithmetic();
  }
}

/// "((" turned out to be two subshells, of which the inner one ends here.
void ScriptBinder::not_arithmetic() {
  copy(1);
  if (top().dollar) {
    top() = Frame{};
    top().place = Place::Command;
  } else {
    pop();
    ++top().parens;
  }
}

}  // namespace dsl
