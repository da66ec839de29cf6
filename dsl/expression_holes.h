#pragma once

// Where the ${{ }} of a text are. Any thread; linear.

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "dsl/expression_tree.h"

namespace dsl {

struct Hole {
  TextRange range;  // with ${{ and }}
  TextRange inner;  // the expression between them
};

struct Holes {
  std::vector<Hole> holes;
  std::optional<SyntaxError> error;  // a hole without end; the holes before it are there
};

Holes find_holes(std::string_view text);

/// Is there a `${{` at all?
inline bool has_hole(std::string_view text) {
  return text.find("${{") != std::string_view::npos;
}

}  // namespace dsl
