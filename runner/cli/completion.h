#pragma once

// Shell completion, made from the commands themselves. Any thread; pure. The scripts ask
// `pipe completion runs` and `pipe completion tasks RUN` for names at the moment of completion.

#include <string>
#include <vector>

#include "runner/cli/command.h"

namespace runner::cli {

std::string bash_completion(const std::vector<Command>& commands);
std::string zsh_completion(const std::vector<Command>& commands);
std::string fish_completion(const std::vector<Command>& commands);

}  // namespace runner::cli
