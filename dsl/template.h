#pragma once

// Text with ${{ }} holes, after checking. The compiler replaces what it knows (inputs, matrix) by
// literal pieces; what only the run knows (outputs of earlier tasks, the item of a for_each) stays
// an expression. Literal pieces are never looked at again, so a value that contains "${{" stays
// text. Any thread.

#include <string>
#include <utility>
#include <vector>

namespace dsl {

struct Template {
  struct Piece {
    enum class Kind { Literal, Expression };
    Kind kind = Kind::Literal;
    std::string text;  // the literal, or the expression's source without ${{ }}
    bool operator==(const Piece&) const = default;
  };

  std::vector<Piece> pieces;  // no pieces: the empty text

  Template() = default;
  explicit Template(std::string literal) {
    if (!literal.empty()) {
      pieces.push_back({Piece::Kind::Literal, std::move(literal)});
    }
  }
  bool operator==(const Template&) const = default;
};

}  // namespace dsl
