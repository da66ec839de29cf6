#include "dsl/shell.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/shell_binder.h"

namespace dsl {
namespace {

constexpr std::size_t kMaxDepth = 100;

}  // namespace

BoundScript ScriptBinder::bind() {
  stack_.emplace_back();
  while (at_ < script_.size() && !too_deep_) {
    step();
  }
  if (holes_.error && !too_deep_) {
    result_.diagnostics.push_back(to_diagnostic(*holes_.error, origin_, 0));
  }
  std::stable_sort(
      result_.diagnostics.begin(),
      result_.diagnostics.end(),
      [](const Diagnostic& a, const Diagnostic& b) { return a.span.begin < b.span.begin; });
  return std::move(result_);
}

void ScriptBinder::push(Place place) {
  if (stack_.size() == kMaxDepth) {
    too_deep_ = true;
    complain("P0738",
             {at_, at_ + 1},
             fmt::format("quotes and substitutions are nested more than {} deep", kMaxDepth),
             "move the script into a file of the workspace");
  }
  stack_.emplace_back();
  top().place = place;
}

void ScriptBinder::pop() {
  if (stack_.size() > 1) {
    stack_.pop_back();
  }
}

void ScriptBinder::complain(std::string code,
                            TextRange range,
                            std::string message,
                            std::string remedy) {
  result_.diagnostics.push_back(
      to_diagnostic({std::move(code), range, std::move(message), std::move(remedy)}, origin_, 0));
}

void ScriptBinder::step() {
  if (in_here_document() && at_ >= here_document().end) {
    end_here_document();
    return;
  }
  if (hole_at(at_)) {
    hole();
    return;
  }
  const char c = script_[at_];
  if (c == '\\') {
    backslash();
  } else if (c == '`' && top().place != Place::Single) {
    backquote();
  } else if (c == '$' && top().place != Place::Single && top().place != Place::AnsiC) {
    dollar();
  } else {
    plain(c);
  }
}

void ScriptBinder::plain(char c) {
  switch (top().place) {
    case Place::Script:
    case Place::Command:
    case Place::Backquote:
      command_byte(c);
      return;
    case Place::Double:
      copy(1);
      if (c == '"' && !top().escaped) {
        pop();
      }
      return;
    case Place::Single:
    case Place::AnsiC:
      copy(1);
      if (c == '\'') {
        pop();
      }
      return;
    case Place::Parameter:
      parameter_byte(c);
      return;
    case Place::Arithmetic:
      arithmetic_byte(c);
      return;
    case Place::HereDocument:
      copy(1);
      return;
  }
}

void ScriptBinder::in_word() {
  top().word_start = false;
  top().only_name = false;
  top().command_start = false;
}

/// A backslash or '$' directly before a hole would take the reference's own '$' or quote away.
bool ScriptBinder::refuse_before_hole(std::string_view sign) {
  if (!hole_at(at_ + 1)) {
    return false;
  }
  complain("P0734",
           {at_, holes_.holes[next_hole_].range.end},
           fmt::format("a '{}' directly before an expression changes what the shell reads", sign),
           fmt::format("put the '{}' into quotes of its own, or into the expression: "
                       "${{{{ format('{}{{0}}', …) }}}}",
                       sign,
                       sign));
  copy(1);
  return true;
}

void ScriptBinder::backslash() {
  Frame& frame = top();
  if (frame.place == Place::Single) {
    copy(1);
    return;
  }
  if (frame.place != Place::AnsiC && refuse_before_hole("\\")) {
    return;
  }
  if (hole_at(at_ + 1) || (peek(1) == '\n' && frame.place != Place::AnsiC)) {
    copy(hole_at(at_ + 1) ? 1 : 2);  // a line that goes on is no end of a word
    return;
  }
  if (peek(1) == '`' && backquotes_ > 0) {
    innermost_backquote().nested = !innermost_backquote().nested;
    copy(2);
    return;
  }
  if (peek(1) == '"' && frame.place == Place::Double && frame.escaped) {
    copy(2);
    pop();
    return;
  }
  in_word();
  if (peek(1) == '"' && frame.place == Place::Backquote && frame.quoted) {
    copy(2);
    push(Place::Double);
    top().escaped = true;
    return;
  }
  copy(2);
}

BoundScript bind_script(std::string_view script,
                        const TextOrigin& origin,
                        const VisibleNames& names) {
  return ScriptBinder(script, origin, names).bind();
}

std::vector<Diagnostic> refuse_expressions(std::string_view script,
                                           const TextOrigin& origin,
                                           std::string_view shell) {
  const Holes holes = find_holes(script);
  std::vector<Diagnostic> diagnostics;
  for (const Hole& hole : holes.holes) {
    diagnostics.push_back(
        to_diagnostic({"P0739",
                       hole.range,
                       fmt::format("an expression cannot stand in a script for '{}'", shell),
                       "give the value a name under 'env:', and read that variable in the script"},
                      origin,
                      0));
  }
  if (holes.error) {
    diagnostics.push_back(to_diagnostic(*holes.error, origin, 0));
  }
  return diagnostics;
}

}  // namespace dsl
