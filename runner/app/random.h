#pragma once

// The one place that asks the system for random numbers (for names of runs). Any thread.

#include <cstdint>
#include <functional>

namespace runner {

std::function<std::uint32_t()> random_numbers();

}  // namespace runner
