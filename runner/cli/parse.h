#pragma once

// Command line arguments read by a list of commands. CLI11 appears in parse.cpp only. Main thread.

#include <string>
#include <variant>
#include <vector>

#include "runner/cli/command.h"

namespace runner::cli {

/// The arguments mean this command, and its targets are written.
struct Chosen {
  const Command* command = nullptr;
};
/// Somebody asked for a help page; no command: the main one.
struct HelpAsked {
  const Command* command = nullptr;
};
struct VersionAsked {};
/// The arguments mean nothing; `remedy` has the nearest name, or what to write.
struct UsageError {
  std::string message;
  std::string remedy;
};

using Parsed = std::variant<Chosen, HelpAsked, VersionAsked, UsageError>;

/// `arguments` without the program's own name. No argument at all asks for help.
Parsed parse(const std::vector<std::string>& arguments, const std::vector<Command>& commands);

}  // namespace runner::cli
