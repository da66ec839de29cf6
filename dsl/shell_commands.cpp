// Where commands stand: words, keywords, tests, parentheses, comments.

#include <algorithm>

#include "dsl/shell_binder.h"

namespace dsl {
namespace {

bool is_name_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_number_test(std::string_view word) {
  return word == "-eq" || word == "-ne" || word == "-lt" || word == "-le" || word == "-gt" ||
         word == "-ge";
}

/// After these a command may follow.
bool is_leading_keyword(std::string_view word) {
  return word == "if" || word == "then" || word == "else" || word == "elif" || word == "while" ||
         word == "until" || word == "do" || word == "{" || word == "!" || word == "time";
}

}  // namespace

void ScriptBinder::command_byte(char c) {
  if (c == '\n') {
    end_word();
    top().command_start = true;
    copy(1);
    begin_here_document();
  } else if (is_blank(c) || c == '>' || (c == '<' && peek(1) != '<')) {
    end_word();
    copy(1);
  } else if (c == '#' && top().word_start) {
    comment();
  } else if (c == ';' || c == '&' || c == '|') {
    end_word();
    top().command_start = true;
    top().number_test = false;
    top().test_holes.clear();
    copy(1);
  } else if (c == '(' || c == ')') {
    parenthesis(c);
  } else if (c == '<') {
    redirection();
  } else if (c == '"' || c == '\'') {
    in_word();
    copy(1);
    push(c == '"' ? Place::Double : Place::Single);
  } else {
    word_byte(c);
  }
}

void ScriptBinder::end_word() {
  top().word_start = true;
  top().only_name = true;
  top().subscript = false;
}

void ScriptBinder::word_byte(char c) {
  if (top().word_start) {
    begin_word();
  }
  Frame& frame = top();
  if (c == '[' && frame.only_name && !frame.word_start) {
    frame.subscript = true;
  } else if (c == ']') {
    frame.subscript = false;
  }
  frame.only_name = frame.only_name && is_name_byte(c);
  frame.word_start = false;
  copy(1);
}

/// Looks at the word that begins here, up to 8 bytes of it: only keywords matter.
void ScriptBinder::begin_word() {
  const std::string_view ahead = script_.substr(at_, 8);
  const std::size_t length = std::min(ahead.find_first_of(" \t\r\n;&|()<>\"'`$\\"), ahead.size());
  const std::string_view word = ahead.substr(0, length);
  Frame& frame = top();
  if (word == "]]") {
    frame.in_test = false;
  }
  if (frame.in_test && is_number_test(word)) {
    frame.number_test = true;
    for (const std::size_t hole : frame.test_holes) {
      refuse_in_arithmetic(hole);
    }
    frame.test_holes.clear();
  }
  if (word == "in" && frame.cases > 0) {
    frame.command_start = true;
    return;
  }
  if (!frame.command_start) {
    return;
  }
  if (word == "[[") {
    frame.in_test = true;
    frame.number_test = false;
    frame.test_holes.clear();
  } else if (word == "case") {
    ++frame.cases;
  } else if (word == "esac" && frame.cases > 0) {
    --frame.cases;
  }
  frame.command_start = is_leading_keyword(word);
}

void ScriptBinder::comment() {
  while (at_ < script_.size() && script_[at_] != '\n' &&
         (script_[at_] != '`' || backquotes_ == 0)) {
    if (!hole_at(at_)) {
      copy(1);
      continue;
    }
    // Stays as text, on one line: a comment's hole is nobody's value.
    const TextRange range = holes_.holes[next_hole_++].range;
    for (at_ = range.begin; at_ < range.end; ++at_) {
      result_.script += script_[at_] == '\n' ? ' ' : script_[at_];
    }
  }
}

void ScriptBinder::parenthesis(char c) {
  Frame& frame = top();
  if (c == '(' && peek(1) == '(' && frame.command_start && !frame.in_test) {
    end_word();
    frame.command_start = false;
    copy(2);
    push_arithmetic(')', false);
    return;
  }
  end_word();
  frame.command_start = true;
  copy(1);
  if (c == '(') {
    ++frame.parens;
  } else if (frame.parens > 0) {
    --frame.parens;
  } else if (frame.place == Place::Command && frame.cases == 0) {
    pop();
  }
}

}  // namespace dsl
