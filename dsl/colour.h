#pragma once

// Whether printed text may hold terminal escapes. The caller knows the terminal; we only ask.

namespace dsl {

enum class Colour { Never, Always };

}  // namespace dsl
