#pragma once

// Colours by meaning. Any thread; pure.

#include <string>
#include <string_view>

#include "dsl/colour.h"

namespace runner::report {

using dsl::Colour;

enum class Meaning { Good, Bad, Doubt, Quiet, Strong, Active };

/// `text` in the colour of its meaning; `text` itself with Colour::Never or where it is empty.
std::string painted(std::string_view text, Meaning meaning, Colour colour);

}  // namespace runner::report
