// pipe completion SHELL: the script that completes commands, options, runs and tasks.

#include <memory>

#include "runner/cli/commands.h"
#include "runner/cli/completion.h"
#include "runner/cli/runs.h"

namespace runner::cli {
namespace {

struct Arguments {
  std::string what;
  std::string run;
};

/// One name a line; nothing where the store cannot be read: a completion has nobody to complain to.
ExitCode print_runs(Console& console) {
  if (const auto runs = Runs::open_here()) {
    for (const dsl::RunId& run : runs->names()) {
      console.out(run.value + "\n");
    }
    console.out("latest\n");
  }
  return ExitCode::Passed;
}

dsl::Result<dsl::RunId> run_of(const Runs& runs, const std::string& name) {
  const bool is_latest = name.empty() || name == "latest";
  const auto here = whereabouts_of(".");
  auto latest = is_latest && here ? runs.latest_at(*here) : std::nullopt;
  return latest ? *std::move(latest) : runs.find(is_latest ? "latest" : name);
}

ExitCode print_tasks(const std::string& name, Console& console) {
  const auto runs = Runs::open_here();
  const auto run = runs ? run_of(*runs, name) : runs.error();
  if (!run) {
    return ExitCode::Passed;
  }
  if (const auto view = runs->view(*run)) {
    for (const NodeState& node : view->state().nodes()) {
      console.out(node.id.value + "\n");
    }
  }
  return ExitCode::Passed;
}

}  // namespace

Command completion_command(Console& console) {
  auto arguments = std::make_shared<Arguments>();
  Command command;
  command.name = "completion";
  command.summary = "print the completion script of a shell";
  command.description =
      "Prints a script that completes commands, options, and the names of runs and tasks.\n"
      "`runs` and `tasks` print the names themselves, one a line; the scripts call them.";
  command.positionals = {{"SHELL",
                          "bash, zsh or fish",
                          true,
                          Completes::Nothing,
                          {"bash", "zsh", "fish", "runs", "tasks"},
                          &arguments->what},
                         {"RUN", "for `tasks`", false, Completes::Run, {}, &arguments->run}};
  command.examples = {"source <(pipe completion bash)",
                      "pipe completion fish > ~/.config/fish/completions/pipe.fish"};
  command.action = [arguments, &console] {
    if (arguments->what == "runs") {
      return print_runs(console);
    }
    if (arguments->what == "tasks") {
      return print_tasks(arguments->run, console);
    }
    const std::vector<Command> commands = all_commands(console);
    console.out(arguments->what == "bash"  ? bash_completion(commands)
                : arguments->what == "zsh" ? zsh_completion(commands)
                                           : fish_completion(commands));
    return ExitCode::Passed;
  };
  return command;
}

}  // namespace runner::cli
