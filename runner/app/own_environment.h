#pragma once

// The environment that this process was started with, for programs of the user that it starts.
// Any thread.

#include <string>
#include <utility>
#include <vector>

namespace runner {

std::vector<std::pair<std::string, std::string>> own_environment();

}  // namespace runner
