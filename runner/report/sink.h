#pragma once

// Where a report writes: whole lines, or a whole frame, at once. Loop thread.

#include <functional>
#include <string_view>

namespace runner::report {

using Sink = std::function<void(std::string_view text)>;

}  // namespace runner::report
