#pragma once

// A command of the command line as data: from one such record come the parser (parse.h), the help
// page (help.h) and the shell completion (completion.h), so that they cannot disagree. Main thread.

#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runner/app/session.h"

namespace runner::cli {

/// What stands at a place of the command line, for completion.
enum class Completes { Nothing, File, Run, Task };

/// Something given by place. Targets are written by the parser and outlive it.
struct Positional {
  std::string name;  // "FILE"
  std::string help;
  bool required = true;
  Completes completes = Completes::Nothing;
  std::vector<std::string> choices;  // not empty: one of these
  std::variant<std::string*, std::vector<std::string>*> target;
};

/// Something given by name.
struct Option {
  std::string names;  // "-f,--follow"
  std::string value;  // "ENGINE"; "" for a flag
  std::string help;
  std::vector<std::string> choices;  // not empty: one of these
  std::variant<bool*, std::string*, std::optional<int>*, std::vector<std::string>*> target;
  int least = 1;  // of a number
};

struct Command {
  std::string name;
  std::string summary;      // a line of the main help page
  std::string description;  // what else its own page says; lines of at most 80 columns
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::vector<std::string> examples;  // at least two, each one line
  std::function<ExitCode()> action;   // after parsing

  /// The longest name of an option: "--follow".
  static std::string long_name(const Option& option);
};

}  // namespace runner::cli
