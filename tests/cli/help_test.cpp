#include "runner/cli/help.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "runner/cli/commands.h"
#include "runner/cli/completion.h"
#include "runner/cli/console.h"
#include "runner/report/columns.h"

namespace runner::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

const std::vector<Command>& commands() {
  static Console console;
  static const std::vector<Command> all = all_commands(console);
  return all;
}

TEST(Help, TheMainPageIsThis) {
  EXPECT_EQ("\n" + main_help(commands()), R"HELP(
pipe runs phased plans: every task in a container, every criterion verified.

  run [FILE]                run a pipeline and verify its success criteria
  rehearse [FILE]           run it with real agents and models that are played
  validate FILE             report every mistake of a pipeline file
  plan [FILE]               show what a run would do, or seal it for approval
  show-plan PLAN            show a sealed plan, and who approved it
  diff-plan OLD NEW         tell what changed between two sealed plans
  graph FILE                draw the tasks and their order (dot, mermaid, svg)
  import FILE               make a pipeline of a plan in Markdown
  report [RUN]              tick the boxes of a plan with a run's evidence
  firewall check FILE HOST  tell which firewall rule decides about a host
  ls                        list runs
  show [RUN]                show the checklist of a run
  logs [RUN] [TASK...]      print what tasks wrote; -f follows
  diff [RUN] [TASK]         show what a run changed, commit by commit
  review [RUN]              look at what a run changed, and decide
  push [RUN]                push the branch of a run that passed
  undo RUN                  take what a run brought out of the project
  attach [RUN]              watch a run that another terminal started
  stop [RUN...]             stop a run; `pipe resume` goes on with it
  resume [RUN]              go on with a run that was stopped, died or waits
  approve RUN [TASK]        say yes to a task that waits, or to a sealed plan
  reject RUN [TASK]         say no: the work is done again, or has failed
  costs                     show what models took
  clean [RUN...]            remove finished runs and free their space
  hooks ACTION [FILE]       install git hooks: messages, leaks, a check at push
  config                    show the settings and where they come from
  credentials               show which keys and logins were found, and where
  doctor                    tell what this machine can run, and what it lacks
  completion SHELL [RUN]    print the completion script of a shell

`pipe COMMAND --help` says more about a command. Examples:
  pipe run examples/pipelines/quickstart.yaml
)HELP");
}

TEST(Help, TheMainPageFitsAScreenOf40LinesBy80Columns) {
  const auto lines = lines_of(main_help(commands()));
  EXPECT_LE(lines.size(), 40U);
  for (const std::string& line : lines) {
    EXPECT_LE(report::columns(line), 80U) << line;
  }
}

TEST(Help, EveryPageFitsAScreenAndEndsWithTwoExamples) {
  for (const Command& command : commands()) {
    const auto lines = lines_of(command_help(command));
    EXPECT_LE(lines.size(), 40U) << command.name;
    for (const std::string& line : lines) {
      EXPECT_LE(report::columns(line), 90U) << command.name << ": " << line;
    }
    ASSERT_GE(command.examples.size(), 2U) << command.name;
    EXPECT_EQ(lines[lines.size() - 3], "Examples:") << command.name;
    for (const std::string& example : command.examples) {
      EXPECT_NE(example.find("pipe " + command.name), std::string::npos) << example;
    }
    EXPECT_FALSE(command.description.empty()) << command.name;
    EXPECT_TRUE(command.action != nullptr) << command.name;
  }
}

TEST(Help, ThePageOfACommandSaysHowItIsUsed) {
  const auto graph = std::find_if(
      commands().begin(), commands().end(), [](const Command& c) { return c.name == "graph"; });
  ASSERT_NE(graph, commands().end());
  EXPECT_EQ("\n" + command_help(*graph), R"HELP(
Usage: pipe graph FILE [OPTIONS]

Prints the tasks of a pipeline and what they wait for as a picture. SVG is drawn by
Graphviz, which has to be installed for it.

  FILE                    the pipeline; - is STDIN

  -f, --format FORMAT     as: dot, mermaid, svg
  -i, --input NAME=VALUE  give an input of the pipeline
  -e, --engine ENGINE     run in: auto, sandbox, docker, podman, host

Examples:
  pipe graph pipeline.yaml --format svg > pipeline.svg
  pipe graph pipeline.yaml --format mermaid
)HELP");
}

}  // namespace
}  // namespace runner::cli
