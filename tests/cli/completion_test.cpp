#include "runner/cli/completion.h"

#include <array>
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>

#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/sys/files.h"

namespace runner::cli {
namespace {

const std::vector<Command>& commands() {
  static Console console;
  static const std::vector<Command> all = all_commands(console);
  return all;
}

/// What bash offers for the words, the last of which is being typed. `pipe` itself is a function
/// that knows two runs.
std::string offered(const std::vector<std::string>& words) {
  const std::string folder = *files::make_temporary_folder(testing::TempDir(), "completion-");
  std::string script = bash_completion(commands());
  script +=
      "pipe() { [[ $2 == runs ]] && printf 'calm-otter-3f2a\\nbrave-fox-1a2b\\n' || "
      "printf 'build\\ntest\\n'; }\nCOMP_WORDS=(";
  for (const std::string& word : words) {
    script += "'" + word + "' ";
  }
  script += ")\nCOMP_CWORD=" + std::to_string(words.size() - 1) +
            "\n_pipe\nprintf '%s ' \"${COMPREPLY[@]}\"\n";
  std::ofstream(folder + "/script") << script;
  std::FILE* bash = popen(("cd " + folder + " && touch a.yaml && bash script").c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer{};
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), bash)) {
    text.append(buffer.data(), got);
  }
  EXPECT_EQ(pclose(bash), 0);
  EXPECT_TRUE(files::remove_tree(folder));
  return text;
}

TEST(Completion, BashOffersCommandsOptionsValuesRunsTasksAndFiles) {
  EXPECT_EQ(offered({"pipe", "res"}), "resume ");
  EXPECT_EQ(offered({"pipe", "run", "--no-c"}), "--no-cache ");
  EXPECT_EQ(offered({"pipe", "run", "a.yaml", "--engine", "s"}), "sandbox ");
  EXPECT_EQ(offered({"pipe", "run", "a.y"}), "a.yaml ");
  EXPECT_EQ(offered({"pipe", "show", ""}), "calm-otter-3f2a brave-fox-1a2b ");
  EXPECT_EQ(offered({"pipe", "stop", "brave-fox-1a2b", "c"}), "calm-otter-3f2a ");
  EXPECT_EQ(offered({"pipe", "logs", "-n", "3", "calm-otter-3f2a", "b"}), "build ");
  EXPECT_EQ(offered({"pipe", "help", "val"}), "validate ");
}

TEST(Completion, EveryShellKnowsEveryCommandAndOption) {
  const std::string bash = bash_completion(commands());
  const std::string zsh = zsh_completion(commands());
  const std::string fish = fish_completion(commands());
  for (const Command& command : commands()) {
    EXPECT_NE(bash.find("    " + command.name + ")\n"), std::string::npos) << command.name;
    EXPECT_NE(zsh.find("    " + command.name + ") _arguments"), std::string::npos) << command.name;
    EXPECT_NE(fish.find("-a " + command.name + " -d "), std::string::npos) << command.name;
    for (const Option& option : command.options) {
      const std::string name = Command::long_name(option);
      EXPECT_NE(bash.find(name), std::string::npos) << name;
      EXPECT_NE(zsh.find(name), std::string::npos) << name;
      EXPECT_NE(fish.find("-l " + name.substr(2)), std::string::npos) << name;
    }
  }
}

}  // namespace
}  // namespace runner::cli
