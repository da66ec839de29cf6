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
  EXPECT_EQ("\n" + main_help(commands()), R"()");
}

TEST(Help, TheMainPageFitsAScreenOf24LinesBy80Columns) {
  const auto lines = lines_of(main_help(commands()));
  EXPECT_LE(lines.size(), 24U);
  for (const std::string& line : lines) {
    EXPECT_LE(report::columns(line), 80U) << line;
  }
}

TEST(Help, EveryPageFitsAScreenAndEndsWithTwoExamples) {
  for (const Command& command : commands()) {
    const auto lines = lines_of(command_help(command));
    EXPECT_LE(lines.size(), 30U) << command.name;
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
  EXPECT_EQ("\n" + command_help(*graph), R"()");
}

}  // namespace
}  // namespace runner::cli
