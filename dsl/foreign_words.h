#pragma once

// Words of other pipeline languages. They are never silent aliases; the message names ours. Pure.

#include <optional>
#include <string_view>
#include <vector>

namespace dsl {

/// What to write instead of `word`, in a record that knows the keys `known`; nothing when the word
/// is not foreign, or when its remedy is a key that belongs to another record.
std::optional<std::string_view> foreign_word_remedy(std::string_view word,
                                                    const std::vector<std::string_view>& known);

/// Where a key of ours belongs that stands in the wrong record; "" when it has no other place.
std::string_view misplaced_key_remedy(std::string_view word,
                                      const std::vector<std::string_view>& known);

}  // namespace dsl
