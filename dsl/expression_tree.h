#pragma once

// What the parser makes of one expression: nodes in one vector, children by number. Internal to
// the expression files. Any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dsl/value.h"

namespace dsl {

/// Bytes of the expression's text, [begin, end).
struct TextRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

enum class Comparison { Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual };

struct ExpressionNode {
  enum class Kind {
    Literal,  // `literal`
    Name,     // `name`, the first word of a path
    Member,   // parts[0] . `name`
    Index,    // parts[0] [ parts[1] ]
    Call,     // `name` ( parts... )
    Not,      // ! parts[0]
    Compare,  // parts[0] `comparison` parts[1]
    And,      // two or more parts
    Or,       // two or more parts
  };
  using Id = std::uint32_t;

  Kind kind = Kind::Literal;
  Comparison comparison = Comparison::Equal;
  Value literal;
  std::string name;
  std::vector<Id> parts;
  TextRange range;       // of the whole node
  TextRange name_range;  // of `name`, or of the operator
  int depth = 1;         // 1 + the deepest part's
};

struct ExpressionTree {
  std::vector<ExpressionNode> nodes;  // parts come before the nodes that have them
  ExpressionNode::Id root = 0;
};

struct SyntaxError {
  std::string code;
  TextRange range;
  std::string message;
  std::string remedy;
};

inline constexpr std::size_t kMaxExpressionBytes = std::size_t{64} << 10;
inline constexpr int kMaxExpressionDepth = 64;

/// Linear; the stack it takes is bounded by kMaxExpressionDepth.
std::variant<ExpressionTree, SyntaxError> parse_expression(std::string_view text);

/// `'it''s'`
std::string quote_expression_string(std::string_view text);

/// The source of a literal: lists and records become fromJSON('…').
std::string literal_expression(const Value& value);

}  // namespace dsl
