#pragma once

// A plan for a person's eyes: what `pipe plan FILE` prints. Pure, any thread.

#include <cstddef>
#include <string>
#include <vector>

#include "dsl/colour.h"
#include "dsl/plan.h"

namespace dsl {

struct TextOptions {
  Colour colour = Colour::Never;
  std::size_t width = 100;  // columns; longer commands are shortened with "…"
  /// What the caller knows this version, engine or machine cannot do; shown under "not enforced".
  std::vector<std::string> warnings;
};

/// Ends with a newline. Control characters of names and commands are shown as "\x1b".
std::string export_text(const Plan& plan, const TextOptions& options);

}  // namespace dsl
