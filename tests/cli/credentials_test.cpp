#include "runner/app/credentials.h"

#include <filesystem>
#include <fstream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CredentialsTest : public testing::Test {
 protected:
  CredentialsTest() { home_ = *files::make_temporary_folder(testing::TempDir(), "home-"); }
  ~CredentialsTest() override { EXPECT_TRUE(files::remove_tree(home_)); }

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path path = fs::path(home_) / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
    fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
    return path.string();
  }

  std::vector<Credential> find() {
    CredentialPlaces places;
    places.home = home_;
    places.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    places.has_program = [this](const std::string&) { return has_gh_; };
    places.env_file = env_file_;
    return find_credentials(places);
  }

  /// "tool name place", HOME for the home, in order; fails where a value is told.
  std::vector<std::string> lines() {
    std::vector<std::string> lines;
    for (const Credential& one : find()) {
      for (const std::string& text : {one.name, one.place, one.note, one.use}) {
        EXPECT_THAT(text, Not(HasSubstr("s3cret")));
      }
      std::string line = one.tool + " " + one.name + " " + one.place;
      if (const std::size_t at = line.find(home_); at != std::string::npos) {
        line.replace(at, home_.size(), "HOME");
      }
      lines.push_back(line);
    }
    return lines;
  }

  std::string home_;
  std::string env_file_;
  std::map<std::string, std::string> environment_;
  bool has_gh_ = true;
};

TEST_F(CredentialsTest, FindsNothingOnABareMachine) {
  EXPECT_THAT(find(), IsEmpty());
}

TEST_F(CredentialsTest, FindsVariablesInTheEnvironmentAndInEnvFiles) {
  environment_ = {
      {"ANTHROPIC_API_KEY", "s3cret-1"}, {"GH_TOKEN", "s3cret-2"}, {"OPENAI_API_KEY", ""}};
  env_file_ = write("keys.env", "OPENAI_API_KEY=s3cret-3\nOTHER=s3cret-4\n");
  write(".gemini/.env", "GEMINI_API_KEY=s3cret-5\n");
  EXPECT_THAT(lines(),
              ElementsAre("claude ANTHROPIC_API_KEY environment",
                          "codex OPENAI_API_KEY HOME/keys.env",
                          "gemini GEMINI_API_KEY HOME/.gemini/.env",
                          "gh GH_TOKEN environment"));
  EXPECT_EQ(find()[0].use, "secrets: [ANTHROPIC_API_KEY]");
}

TEST_F(CredentialsTest, FindsLoginsOfTheAgents) {
  write(".claude/.credentials.json", R"({"claudeAiOauth": {"accessToken": "s3cret"}})");
  write(".claude.json", R"({"primaryApiKey": "s3cret", "projects": {}})");
  write(".claude/settings.json", R"({"apiKeyHelper": "/bin/key s3cret"})");
  write(".codex/auth.json", R"({"OPENAI_API_KEY": null, "tokens": {"access_token": "s3cret"}})");
  write(".gemini/oauth_creds.json", R"({"refresh_token": "s3cret"})");
  EXPECT_THAT(lines(),
              ElementsAre("claude login of claude.ai HOME/.claude/.credentials.json",
                          "claude API key of the console HOME/.claude.json",
                          "claude apiKeyHelper HOME/.claude/settings.json",
                          "codex login of ChatGPT HOME/.codex/auth.json",
                          "gemini login of Google HOME/.gemini/oauth_creds.json"));
}

TEST_F(CredentialsTest, LooksWhereTheToolsAreToldToKeepThings) {
  environment_ = {{"CLAUDE_CONFIG_DIR", home_ + "/c"},
                  {"CODEX_HOME", home_ + "/x"},
                  {"GEMINI_CLI_HOME", home_ + "/g"},
                  {"GH_CONFIG_DIR", home_ + "/h"}};
  write("c/.credentials.json", R"({"claudeAiOauth": {"accessToken": "s3cret"}})");
  write("x/auth.json", R"({"OPENAI_API_KEY": "s3cret"})");
  write("g/.gemini/oauth_creds.json", R"({"refresh_token": "s3cret"})");
  write("h/hosts.yml", "github.com: {oauth_token: s3cret}\n");
  EXPECT_THAT(lines(),
              ElementsAre("claude login of claude.ai HOME/c/.credentials.json",
                          "codex API key HOME/x/auth.json",
                          "gemini login of Google HOME/g/.gemini/oauth_creds.json",
                          "gh login of gh HOME/h/hosts.yml"));
}

TEST_F(CredentialsTest, FindsGhAndGit) {
  write(".config/gh/hosts.yml", "github.com: {user: ada}\n");
  write(".gitconfig", "[credential]\n\thelper = store\n");
  write(".git-credentials", "https://ada:s3cret@github.com\n");
  environment_ = {{"SSH_AUTH_SOCK", "/run/agent"}};
  EXPECT_THAT(lines(),
              ElementsAre("gh login of gh HOME/.config/gh/hosts.yml",
                          "git credential helper HOME/.gitconfig",
                          "git stored credentials HOME/.git-credentials",
                          "git SSH agent /run/agent"));
  EXPECT_EQ(find()[0].use, "secrets: {GITHUB_TOKEN: {command: [gh, auth, token], expires: 1h}}");
  has_gh_ = false;
  EXPECT_EQ(find()[0].use, "");
}

TEST_F(CredentialsTest, TellsWhichFilesOthersCanRead) {
  const std::string file = write(".git-credentials", "https://ada:s3cret@github.com\n");
  EXPECT_EQ(find()[0].note, "");
  fs::permissions(file, fs::perms::group_read, fs::perm_options::add);
  EXPECT_EQ(find()[0].note, "others can read it: chmod 600 '" + file + "'");
}

TEST_F(CredentialsTest, TakesNoDamagedFileForALogin) {
  write(".claude/.credentials.json", "{nonsense");
  write(".codex/auth.json", R"({"tokens": []})");
  write(".gitconfig", "[user]\n");
  EXPECT_THAT(find(), IsEmpty());
}

}  // namespace
}  // namespace runner
