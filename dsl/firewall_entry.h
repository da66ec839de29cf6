#pragma once

// One entry of a firewall's lists: "host:port", "*.host:port", "10.0.0.0/8:443", "[::1]:443". Pure;
// any thread.

#include <optional>
#include <string_view>

#include "dsl/result.h"

namespace dsl {

/// What is wrong with the entry, or nothing.
std::optional<Error> firewall_entry_problem(std::string_view entry);

/// The entry is a range in CIDR notation.
bool is_address_range(std::string_view entry);

}  // namespace dsl
