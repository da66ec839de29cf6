#pragma once

// The name that someone probably meant. Any thread; pure.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

/// How many letters must be added, dropped, changed or swapped with their neighbour to make `a`
/// into `b`; more than `limit` is told as limit + 1.
std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit);

/// The candidate nearest to `name`, when it is near enough: one edit for names up to three letters,
/// two up to six, one more for each further four. Case and the difference of '-' and '_' cost
/// nothing. The first of equally near ones.
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string_view>& candidates);

/// "did you mean 'needs'?", or "" when nothing is near.
std::string did_you_mean(std::string_view name, const std::vector<std::string_view>& candidates);

}  // namespace dsl
