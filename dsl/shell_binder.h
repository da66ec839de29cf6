#pragma once

// Reads a script once, from left to right, and writes it anew with references in place of holes: a
// stack of what is open (quotes, substitutions, here-documents) says what the shell makes of the
// byte at hand. Internal to the shell*.cpp files. One thread; linear in the script.

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/expression_checker.h"
#include "dsl/expression_holes.h"
#include "dsl/shell.h"

namespace dsl {

class ScriptBinder {
 public:
  /// The script, origin and names are borrowed for the life of the binder.
  ScriptBinder(std::string_view script, const TextOrigin& origin, const VisibleNames& names)
      : script_(script), origin_(origin), names_(names), holes_(find_holes(script)) {}

  /// To be called once.
  BoundScript bind();

 private:
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

    int parens = 0;          // Command, Arithmetic: '(' that are open
    bool dollar = false;     // Arithmetic: began with '$'
    char close = ')';        // Arithmetic
    bool quoted = false;     // Parameter, Backquote: inside double quotes or a here-document
    bool here_text = false;  // Parameter: in a here-document, with no quotes between
    bool escaped = false;    // Double: began with \" inside backquotes
    bool nested = false;     // Backquote: between \` and \`
    Operand operand = Operand::Name;  // Parameter
    std::size_t end = 0;              // HereDocument: where the body ends
  };

  struct HereDelimiter {
    std::string word;
    bool quoted = false;
    bool strip_tabs = false;
  };

  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

  // Reading and writing.
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

  // shell.cpp
  void push(Place place);
  void pop();
  void complain(std::string code, TextRange range, std::string message, std::string remedy);
  void step();
  void plain(char c);
  void in_word();
  bool refuse_before_hole(std::string_view sign);
  void backslash();

  // shell_expansions.cpp
  void dollar();
  void push_arithmetic(char close, bool dollar);
  void backquote();
  Frame& innermost_backquote();
  bool is_quoted();
  bool in_here_text();
  void begin_parameter(bool quoted, bool here_text);
  void parameter_byte(char c);
  void name_byte(char c);
  void arithmetic_byte(char c);
  void not_arithmetic();

  // shell_commands.cpp
  void command_byte(char c);
  void end_word();
  void word_byte(char c);
  void begin_word();
  void comment();
  void parenthesis(char c);

  // shell_here_documents.cpp
  void redirection();
  void begin_here_document();
  [[nodiscard]] std::size_t find_delimiter(const HereDelimiter& delimiter, std::size_t limit) const;
  void quoted_body(std::size_t end);
  void copy_line();
  void end_here_document();
  void find_here_document();
  [[nodiscard]] bool in_here_document() const { return here_document_ > 0; }
  Frame& here_document() { return stack_[here_document_]; }

  // shell_holes.cpp
  void hole();
  std::optional<bool> quotes_for(std::size_t number);
  bool calculates(std::size_t number);
  std::optional<bool> in_parameter(TextRange range);
  void refuse_in_arithmetic(std::size_t number);
  void refuse_as_name(TextRange range);
  std::string variable(const CheckedExpression& expression, TextRange range);

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

}  // namespace dsl
