#pragma once

// The step files, firewall presets and prices of stdlib/, embedded by CMake. Any thread.

#include <optional>
#include <string_view>
#include <vector>

namespace dsl {

/// The text of `std/check/shell-syntax` and its like.
std::optional<std::string_view> stdlib_step(std::string_view name);

/// The names of all steps, sorted.
std::vector<std::string_view> stdlib_names();

/// The text of the firewall preset `github` and its like, and the names of all of them, sorted.
std::optional<std::string_view> stdlib_preset(std::string_view name);
std::vector<std::string_view> stdlib_presets();

/// The text of prices.yaml.
std::string_view stdlib_prices();

}  // namespace dsl
