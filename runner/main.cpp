// `pipe`: arguments in, exit code out. Everything it can do is in cli/, one file a command.

#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/help.h"
#include "runner/cli/parse.h"

namespace {

using runner::ExitCode;
using runner::cli::Command;
using runner::cli::Console;

struct Answer {
  Console& console;
  const std::vector<Command>& commands;

  ExitCode operator()(const runner::cli::Chosen& chosen) const { return chosen.command->action(); }
  ExitCode operator()(const runner::cli::HelpAsked& asked) const {
    console.out(asked.command == nullptr ? runner::cli::main_help(commands)
                                         : runner::cli::command_help(*asked.command));
    return ExitCode::Passed;
  }
  ExitCode operator()(const runner::cli::VersionAsked&) const {
    console.out("pipe " PIPE_VERSION "\n");
    return ExitCode::Passed;
  }
  ExitCode operator()(const runner::cli::UsageError& error) const {
    return console.fail(ExitCode::Invalid, {error.message, error.remedy});
  }
};

ExitCode run(const std::vector<std::string>& arguments) {
  Console console;
  const std::vector<Command> commands = runner::cli::all_commands(console);
  const ExitCode code =
      std::visit(Answer{console, commands}, runner::cli::parse(arguments, commands));
  if (console.out_failure()) {
    console.error(*console.out_failure());
    return code == ExitCode::Passed ? ExitCode::Environment : code;
  }
  return code;
}

/// What is ours to mend.
int bug(const char* what) {
  std::fprintf(
      stderr,
      "BUG: %s\n"
      "  help: please report this with the command line, the pipeline file and the output\n"
      "        of `pipe --version` and `pipe doctor`; a run goes on with `pipe resume`\n",
      what);
  return static_cast<int>(ExitCode::Bug);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return static_cast<int>(run({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    return bug(error.what());
  } catch (...) {
    return bug("an exception of an unknown kind");
  }
}
