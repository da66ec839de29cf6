#pragma once

// What a person may do with a run that has made something: for the commands of these names, and for
// `pipe review`, which offers them all. Each says what came of it on the console, and returns the
// exit code. Main thread.

#include <string>

#include "runner/cli/console.h"

namespace runner::cli {

struct DiffArguments {
  std::string run;
  std::string task;  // "" the whole run
  bool stat = false;
  bool json = false;
};
ExitCode diff_run(const DiffArguments& arguments, Console& console);

struct PushArguments {
  std::string run;
  std::string remote;  // "": what the plan says
  bool pull_request = false;
  bool json = false;
};
ExitCode push_run(const PushArguments& arguments, Console& console);

struct UndoArguments {
  std::string run;
  std::string because;
  bool json = false;
};
ExitCode undo_run(const UndoArguments& arguments, Console& console);

struct ContinueArguments {
  std::string run;
  std::string prompt;
  std::string task;  // whose agent is asked; "" the only one
};
ExitCode continue_run(const ContinueArguments& arguments, Console& console);

}  // namespace runner::cli
