#include "runner/cli/parse.h"

#include <gtest/gtest.h>

namespace runner::cli {
namespace {

/// A small tool of two commands; targets are read by the tests.
struct Tool {
  std::string file;
  std::string engine;
  std::vector<std::string> inputs;
  std::vector<std::string> tasks;
  std::optional<int> jobs;
  bool json = false;
  std::vector<Command> commands;

  Tool() {
    Command run;
    run.name = "run";
    run.positionals = {{"FILE", "the pipeline", true, Completes::File, {}, &file}};
    run.options = {
        {"-i,--input", "NAME=VALUE", "", {}, &inputs},
        {"--engine", "ENGINE", "", {"auto", "sandbox", "docker"}, &engine},
        {"-j,--jobs", "N", "", {}, &jobs},
        {"--json", "", "", {}, &json},
    };
    run.examples = {"pipe run pipeline.yaml", "pipe run x.yaml"};
    Command logs;
    logs.name = "logs";
    logs.positionals = {{"TASK", "", false, Completes::Task, {}, &tasks}};
    commands = {run, logs};
  }
  Parsed parse(const std::vector<std::string>& arguments) {
    return cli::parse(arguments, commands);
  }
};

std::string complaint(const Parsed& parsed) {
  const auto* error = std::get_if<UsageError>(&parsed);
  return error == nullptr ? "(none)" : error->message + " | " + error->remedy;
}

TEST(Parse, WritesTheTargetsOfTheCommand) {
  Tool tool;
  const Parsed parsed = tool.parse(
      {"run", "a.yaml", "-i", "x=1", "--input=y=2", "-j4", "--json", "--engine", "docker"});
  ASSERT_TRUE(std::holds_alternative<Chosen>(parsed)) << complaint(parsed);
  EXPECT_EQ(std::get<Chosen>(parsed).command->name, "run");
  EXPECT_EQ(tool.file, "a.yaml");
  EXPECT_EQ(tool.inputs, (std::vector<std::string>{"x=1", "y=2"}));
  EXPECT_EQ(tool.jobs, 4);
  EXPECT_EQ(tool.engine, "docker");
  EXPECT_TRUE(tool.json);
}

TEST(Parse, OptionsWithValuesDoNotSwallowPositionals) {
  Tool tool;
  const Parsed parsed = tool.parse({"run", "-i", "x=1", "a.yaml"});
  ASSERT_TRUE(std::holds_alternative<Chosen>(parsed)) << complaint(parsed);
  EXPECT_EQ(tool.file, "a.yaml");
  EXPECT_EQ(tool.inputs, (std::vector<std::string>{"x=1"}));
}

TEST(Parse, TakesSeveralPositionals) {
  Tool tool;
  ASSERT_TRUE(std::holds_alternative<Chosen>(tool.parse({"logs", "build", "test[os=linux]"})));
  EXPECT_EQ(tool.tasks, (std::vector<std::string>{"build", "test[os=linux]"}));
}

TEST(Parse, AsksForHelpAndVersion) {
  Tool tool;
  EXPECT_EQ(std::get<HelpAsked>(tool.parse({})).command, nullptr);
  EXPECT_EQ(std::get<HelpAsked>(tool.parse({"--help"})).command, nullptr);
  EXPECT_EQ(std::get<HelpAsked>(tool.parse({"help", "logs"})).command->name, "logs");
  EXPECT_EQ(std::get<HelpAsked>(tool.parse({"run", "--help"})).command->name, "run");
  EXPECT_EQ(std::get<HelpAsked>(tool.parse({"run", "a.yaml", "-h"})).command->name, "run");
  EXPECT_TRUE(std::holds_alternative<VersionAsked>(tool.parse({"--version"})));
}

struct Mistake {
  std::vector<std::string> arguments;
  std::string complaint;
};

TEST(Parse, NamesTheMistakeAndTheNearestName) {
  const std::vector<Mistake> mistakes = {
      {{"rnu", "a.yaml"}, "unknown command 'rnu' | did you mean 'run'?"},
      {{"frobnicate"}, "unknown command 'frobnicate' | `pipe --help` lists the commands"},
      {{"help", "lgos"}, "unknown command 'lgos' | did you mean 'logs'?"},
      {{"--json", "run"},
       "unknown option '--json' | options stand behind the command; `pipe --help` lists the "
       "commands"},
      {{"run", "a.yaml", "--jsno"},
       "unknown option '--jsno' of 'pipe run' | did you mean '--json'?"},
      {{"run", "a.yaml", "--inptu=x=1"},
       "unknown option '--inptu' of 'pipe run' | did you mean '--input'?"},
      {{"run", "a.yaml", "--colour"},
       "unknown option '--colour' of 'pipe run' | `pipe run --help` lists the options"},
      {{"run"}, "'pipe run' needs FILE | for example `pipe run pipeline.yaml`"},
      {{"run", "a.yaml", "b.yaml"},
       "'pipe run' takes no further argument 'b.yaml' | `pipe run --help` shows how it is used"},
      {{"run", "a.yaml", "--engine", "dokcer"},
       "'--engine' is one of auto, sandbox, docker, not 'dokcer' | did you mean 'docker'?"},
      {{"run", "a.yaml", "-j", "many"},
       "'--jobs' is a whole number, not 'many' | for example `--jobs 4`"},
      {{"run", "a.yaml", "-j", "99999999999"},
       "'--jobs' is too large: '99999999999' | for example `--jobs 4`"},
      {{"run", "a.yaml", "-j", "0"}, "'--jobs' is at least 1, not 0 | "},
      {{"run", "a.yaml", "-j", "-1"}, "'--jobs' is at least 1, not -1 | "},
      {{"logs", ""},
       "'pipe logs' is given an empty argument | leave it out; is a shell variable not set?"},
      {{"run", "a.yaml", "-e", ""},
       "'pipe run' is given an empty argument | leave it out; is a shell variable not set?"},
      {{"run", "a.yaml", "--engine="},
       "'pipe run' is given an empty argument: '--engine=' | leave it out; is a shell variable not "
       "set?"},
      {{"run", "a.yaml", "--jobs"}, "'--jobs' needs N | for example `--jobs 4`"},
      {{"run", "a.yaml", "--engine"}, "'--engine' needs ENGINE | one of auto, sandbox, docker"},
  };
  for (const Mistake& mistake : mistakes) {
    Tool tool;
    EXPECT_EQ(complaint(tool.parse(mistake.arguments)), mistake.complaint);
  }
}

TEST(Parse, ADoubleDashEndsTheOptions) {
  Tool tool;
  ASSERT_TRUE(std::holds_alternative<Chosen>(tool.parse({"run", "--", "-odd.yaml"})));
  EXPECT_EQ(tool.file, "-odd.yaml");
}

}  // namespace
}  // namespace runner::cli
