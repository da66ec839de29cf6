#pragma once

// Help pages: made from the commands themselves, plain text. The main page fits a screen of 24
// lines by 80 columns. Any thread; pure.

#include <string>
#include <vector>

#include "runner/cli/command.h"

namespace runner::cli {

std::string main_help(const std::vector<Command>& commands);
std::string command_help(const Command& command);

/// "pipe run FILE [OPTIONS]".
std::string usage_line(const Command& command);

}  // namespace runner::cli
