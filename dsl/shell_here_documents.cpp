// Here-documents: their delimiters, and their bodies, which begin on the next line.

#include <algorithm>
#include <utility>

#include "dsl/shell_binder.h"

namespace dsl {

/// `<<` or `<<-` and its delimiter, or `<<<`.
void ScriptBinder::redirection() {
  end_word();
  if (peek(2) == '<') {
    copy(3);
    return;
  }
  HereDelimiter delimiter;
  delimiter.strip_tabs = peek(2) == '-';
  copy(delimiter.strip_tabs ? 3 : 2);
  while (at_ < script_.size() && is_blank(script_[at_])) {
    copy(1);
  }
  char quote = '\0';
  for (; at_ < script_.size(); copy(1)) {
    const char c = script_[at_];
    if (hole_at(at_)) {
      refuse_as_name(holes_.holes[next_hole_].range);
      break;
    }
    if (quote != '\0' ? c == quote : (c == '\'' || c == '"')) {
      quote = quote == '\0' ? c : '\0';
      delimiter.quoted = true;
    } else if (quote == '\0' && c == '\\') {
      delimiter.quoted = true;
    } else if (quote == '\0' &&
               (is_blank(c) || std::string_view("\n;&|()<>").find(c) != std::string_view::npos)) {
      break;
    } else {
      delimiter.word += c;
    }
  }
  if (!delimiter.word.empty() || delimiter.quoted) {
    pending_.push_back(std::move(delimiter));
  }
}

/// At the start of a line of commands: the bodies of this line's here-documents come first.
void ScriptBinder::begin_here_document() {
  if (pending_.empty()) {
    return;
  }
  const HereDelimiter delimiter = std::move(pending_.front());
  pending_.pop_front();
  const std::size_t limit = in_here_document() ? here_document().end : script_.size();
  const std::size_t end = find_delimiter(delimiter, limit);
  if (delimiter.quoted) {
    quoted_body(end);
    copy_line();
    begin_here_document();
    return;
  }
  push(Place::HereDocument);
  top().end = end;
  find_here_document();
}

/// Where the line begins that ends a body which begins here.
std::size_t ScriptBinder::find_delimiter(const HereDelimiter& delimiter, std::size_t limit) const {
  std::size_t line = at_;
  while (line < limit) {
    const std::size_t end = std::min(script_.find('\n', line), script_.size());
    std::string_view text = script_.substr(line, end - line);
    while (delimiter.strip_tabs && text.starts_with('\t')) {
      text.remove_prefix(1);
    }
    if (text == delimiter.word) {
      return line;
    }
    line = end + 1;
  }
  return limit;
}

void ScriptBinder::quoted_body(std::size_t end) {
  while (at_ < end) {
    if (!hole_at(at_)) {
      copy(1);
      continue;
    }
    const TextRange range = holes_.holes[next_hole_++].range;
    complain("P0733",
             range,
             "nothing is put in here: the here-document's delimiter is quoted",
             "take the quotes off the delimiter, or put the value into a variable before");
    at_ = std::min(range.end, script_.size());
  }
}

void ScriptBinder::copy_line() {
  const std::size_t end = script_.find('\n', at_);
  copy(end == std::string_view::npos ? script_.size() - at_ : end + 1 - at_);
}

void ScriptBinder::end_here_document() {
  stack_.resize(here_document_);
  find_here_document();
  backquotes_ = 0;
  for (const Frame& frame : stack_) {
    backquotes_ += frame.place == Place::Backquote ? 1 : 0;
  }
  copy_line();
  begin_here_document();
}

/// Sets here_document_ after the stack has changed.
void ScriptBinder::find_here_document() {
  here_document_ = stack_.size() - 1;
  while (here_document_ > 0 && stack_[here_document_].place != Place::HereDocument) {
    --here_document_;
  }
}

}  // namespace dsl
