#pragma once

// Numbers are doubles, of which every whole number below 2^53 is itself. Pure; any thread.

#include <string>
#include <string_view>

namespace dsl {

/// The first whole number of a JSON text (or a number alone) that is beyond 2^53, as it is written;
/// "" where there is none. Texts in the JSON, fractions and exponents do not count.
std::string inexact_number(std::string_view json);

}  // namespace dsl
