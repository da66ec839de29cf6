#pragma once

// Words of an expression. Internal to the expression files. Any thread.

#include <cstddef>
#include <string_view>

#include "dsl/expression_tree.h"

namespace dsl {

struct ExpressionToken {
  enum class Kind {
    End,
    Number,  // `literal`
    String,  // `literal`
    Name,    // also true, false, null
    Dot,
    Comma,
    Star,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    Not,
    And,
    Or,
    Compare,  // `comparison`
    Bad,      // `error`
  };
  Kind kind = Kind::End;
  TextRange range;
  Value literal;
  Comparison comparison = Comparison::Equal;
  SyntaxError error;
};

class ExpressionLexer {
 public:
  explicit ExpressionLexer(std::string_view text) : text_(text) {}

  ExpressionToken next();

 private:
  ExpressionToken token(ExpressionToken::Kind kind, std::size_t length);
  ExpressionToken comparison(Comparison comparison, std::size_t length);
  ExpressionToken bad(std::string code, std::size_t end, std::string message, std::string remedy);
  ExpressionToken string();
  ExpressionToken number();
  ExpressionToken name();
  ExpressionToken symbol();
  ExpressionToken foreign_symbol();

  std::string_view text_;
  std::size_t at_ = 0;
};

bool is_name_start(char c);
bool is_name_part(char c);

}  // namespace dsl
