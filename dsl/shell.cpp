#include "dsl/shell.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "dsl/expression_checker.h"
#include "dsl/expression_holes.h"

namespace dsl {
namespace {

/// What the shell makes of a byte depends on where it stands; the innermost place decides.
enum class Place {
  Script,       // commands: the script itself, or one side of a subshell
  Command,      // $( )
  Backquote,    // ` `
  Double,       // " "
  Single,       // ' '
  AnsiC,        // $' '
  Parameter,    // ${ }
  Arithmetic,   // $(( )), (( )) and $[ ]
  HereDocument  // the body, where the delimiter was not quoted
};

/// What follows the name inside ${ }.
enum class Operand {
  Name,       // none yet
  Subscript,  // ${name[…
  Default,    // - = ? + with or without ':'
  Pattern,    // # % / ^ ,
  Substring,  // ${name:…
};

struct Frame {
  Place place = Place::Script;

  // Script, Command, Backquote: where in a command we are.
  bool command_start = true;            // the next word is a command or a keyword
  bool word_start = true;               // the next byte begins a word
  bool only_name = true;                // the word so far is a name
  bool subscript = false;               // in the [ ] of name[…]
  bool in_test = false;                 // between [[ and ]]
  bool number_test = false;             // -eq and its like was seen in this part of [[ ]]
  std::vector<std::size_t> test_holes;  // of this part of [[ ]], that are no numbers
  int cases = 0;                        // case … esac that are open

  int parens = 0;                   // Command, Arithmetic: '(' that are open
  bool dollar = false;              // Arithmetic: began with '$'
  char close = ')';                 // Arithmetic
  bool quoted = false;              // Parameter, Backquote: inside double quotes or a here-document
  bool here_text = false;           // Parameter: in a here-document, with no quotes between
  bool escaped = false;             // Double: began with \" inside backquotes
  bool nested = false;              // Backquote: between \` and \`
  Operand operand = Operand::Name;  // Parameter
  std::size_t end = 0;              // HereDocument: where the body ends
};

struct HereDelimiter {
  std::string word;
  bool quoted = false;
  bool strip_tabs = false;
};

constexpr std::size_t kMaxDepth = 100;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

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

/// Reads a script once, from left to right, and writes it anew with references in place of holes.
class ScriptBinder {
 public:
  ScriptBinder(std::string_view script, const TextOrigin& origin, const VisibleNames& names)
      : script_(script), origin_(origin), names_(names), holes_(find_holes(script)) {}

  BoundScript bind() {
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

 private:
  // ---- reading and writing -------------------------------------------------------------------

  Frame& top() { return stack_.back(); }

  [[nodiscard]] char peek(std::size_t ahead) const {
    return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
  }

  [[nodiscard]] bool hole_at(std::size_t place) const {
    return next_hole_ < holes_.holes.size() && holes_.holes[next_hole_].range.begin == place;
  }

  void copy(std::size_t bytes) {
    const std::string_view part = script_.substr(at_, bytes);
    result_.script += part;
    at_ += part.size();
  }

  void push(Place place) {
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

  void pop() {
    if (stack_.size() > 1) {
      stack_.pop_back();
    }
  }

  void complain(std::string code, TextRange range, std::string message, std::string remedy) {
    result_.diagnostics.push_back(
        to_diagnostic({std::move(code), range, std::move(message), std::move(remedy)}, origin_, 0));
  }

  void step() {
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

  void plain(char c) {
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

  // ---- what every place has ------------------------------------------------------------------

  void in_word() {
    top().word_start = false;
    top().only_name = false;
    top().command_start = false;
  }

  /// A backslash or '$' directly before a hole would take the reference's own '$' or quote away.
  bool refuse_before_hole(std::string_view sign) {
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

  void backslash() {
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

  Frame& innermost_backquote() {
    return *std::find_if(stack_.rbegin(), stack_.rend(), [](const Frame& frame) {
      return frame.place == Place::Backquote;
    });
  }

  void backquote() {
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

  /// Inside double quotes or a here-document: no words, no patterns, and ' is a letter.
  bool is_quoted() {
    const Frame& frame = top();
    return frame.place == Place::Double || frame.place == Place::HereDocument ||
           (frame.place == Place::Parameter && frame.quoted);
  }

  /// The text of a here-document itself, or the ${ } of such.
  bool in_here_text() {
    const Frame& frame = top();
    return frame.place == Place::HereDocument ||
           (frame.place == Place::Parameter && frame.here_text);
  }

  void dollar() {
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

  void push_arithmetic(char close, bool dollar) {
    push(Place::Arithmetic);
    top().close = close;
    top().dollar = dollar;
  }

  // ---- commands ------------------------------------------------------------------------------

  void command_byte(char c) {
    if (c == '\n') {
      end_word();
      top().command_start = true;
      copy(1);
      begin_here_document();
    } else if (is_blank(c)) {
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
    } else if (c == '<' && peek(1) == '<') {
      redirection();
    } else if (c == '<' || c == '>') {
      end_word();
      copy(1);
    } else if (c == '"' || c == '\'') {
      in_word();
      copy(1);
      push(c == '"' ? Place::Double : Place::Single);
    } else {
      word_byte(c);
    }
  }

  void end_word() {
    top().word_start = true;
    top().only_name = true;
    top().subscript = false;
  }

  void word_byte(char c) {
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
  void begin_word() {
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

  void comment() {
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

  void parenthesis(char c) {
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

  // ---- here-documents ------------------------------------------------------------------------

  /// `<<` or `<<-` and its delimiter, or `<<<`.
  void redirection() {
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

  [[nodiscard]] bool in_here_document() const { return here_document_ > 0; }
  Frame& here_document() { return stack_[here_document_]; }

  /// At the start of a line of commands: the bodies of this line's here-documents come first.
  void begin_here_document() {
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
  [[nodiscard]] std::size_t find_delimiter(const HereDelimiter& delimiter,
                                           std::size_t limit) const {
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

  void quoted_body(std::size_t end) {
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

  void copy_line() {
    const std::size_t end = script_.find('\n', at_);
    copy(end == std::string_view::npos ? script_.size() - at_ : end + 1 - at_);
  }

  void end_here_document() {
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
  void find_here_document() {
    here_document_ = stack_.size() - 1;
    while (here_document_ > 0 && stack_[here_document_].place != Place::HereDocument) {
      --here_document_;
    }
  }

  // ---- ${ } and $(( )) -----------------------------------------------------------------------

  void begin_parameter(bool quoted, bool here_text) {
    copy(2);
    push(Place::Parameter);
    top().quoted = quoted;
    top().here_text = here_text;
    if (!hole_at(at_) && std::string_view("#!?-@*$").find(peek(0)) != std::string_view::npos &&
        at_ < script_.size()) {
      copy(1);
    }
  }

  void parameter_byte(char c) {
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
  void name_byte(char c) {
    Operand& operand = top().operand;
    if (c == '[') {
      operand = Operand::Subscript;
    } else if (c == '-' || c == '=' || c == '?' || c == '+') {
      operand = Operand::Default;
    } else if (c == '#' || c == '%' || c == '/' || c == '^' || c == ',') {
      operand = Operand::Pattern;
    } else if (c == ':') {
      const bool has_default = at_ < script_.size() && std::string_view("-=?+").find(
                                                           script_[at_]) != std::string_view::npos;
      operand = has_default ? Operand::Default : Operand::Substring;
    }
  }

  void arithmetic_byte(char c) {
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
  void not_arithmetic() {
    copy(1);
    if (top().dollar) {
      top() = Frame{};
      top().place = Place::Command;
    } else {
      pop();
      ++top().parens;
    }
  }

  // ---- holes ---------------------------------------------------------------------------------

  void hole() {
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
  std::optional<bool> quotes_for(std::size_t number) {
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
  bool calculates(std::size_t number) {
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

  std::optional<bool> in_parameter(TextRange range) {
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

  void refuse_in_arithmetic(std::size_t number) {
    complain(
        "P0736",
        holes_.holes[number].range,
        "the shell calculates with what stands here, so that a text could become code",
        "only an expression of type number can stand here: declare the input or output as one");
  }

  void refuse_as_name(TextRange range) {
    complain("P0735",
             range,
             "an expression cannot be a name here",
             "write the name itself; a value can follow an operator: ${name:-${{ … }}}");
  }

  /// The variable that holds the value; equal ones share one.
  std::string variable(const CheckedExpression& expression, TextRange range) {
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

  const std::string_view script_;
  const TextOrigin& origin_;
  const VisibleNames& names_;
  const Holes holes_;

  BoundScript result_;
  std::vector<Frame> stack_;
  std::size_t at_ = 0;
  std::size_t next_hole_ = 0;
  std::size_t here_document_ = 0;  // its place in stack_; 0: none
  int backquotes_ = 0;             // Backquote frames in stack_
  bool too_deep_ = false;
  bool is_number_ = false;  // of the hole at hand
  std::deque<HereDelimiter> pending_;
  std::map<std::pair<bool, std::string>, std::size_t> variables_;  // {known, text} -> number
};

}  // namespace

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
