#pragma once

// yaml-cpp ends a plain text inside braces or brackets at a '?', which YAML 1.2 allows there:
// `{manual: Does it read well?}`. So it is shown a byte in its place that no file can hold, of the
// same length, and what it hands back is turned into a '?' again. Pure; any thread.

#include <optional>
#include <string>
#include <string_view>

namespace dsl {

/// `text` with every '?' that is part of a word or between two words masked; nothing where that
/// changes nothing, or where an escape in `text` stands for the masking byte itself.
std::optional<std::string> mask_question_marks(std::string_view text);

/// A text that yaml-cpp read from a masked one, as its author wrote it.
std::string unmasked(std::string text);

}  // namespace dsl
