#include "runner/app/settings.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;

/// A home and a project of their own; the environment is put back at the end.
class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    root_ = *files::real_path(*files::make_temporary_folder(testing::TempDir(), "settings-"));
    for (const char* name : kVariables) {
      const char* value = std::getenv(name);
      kept_.emplace_back(name, value == nullptr ? std::optional<std::string>() : value);
      unsetenv(name);
    }
    setenv("HOME", home().c_str(), 1);
  }
  ~SettingsTest() override {
    for (const auto& [name, value] : kept_) {
      value ? setenv(name, value->c_str(), 1) : unsetenv(name);
    }
    EXPECT_TRUE(files::remove_tree(root_));
  }

  std::string home() const { return root_ + "/home"; }
  std::string project() const { return root_ + "/project"; }
  std::string user_file() const { return home() + "/.config/pipe/config.yaml"; }
  std::string project_file() const { return project() + "/.pipe/config.yaml"; }

  static void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path) << text;
  }
  Settings load() const {
    auto settings = load_settings(project());
    EXPECT_TRUE(settings) << (settings ? "" : settings.error().message);
    return settings ? *settings : Settings{};
  }
  std::string complaint() const {
    const auto settings = load_settings(project());
    if (settings) {
      return "(none)";
    }
    std::string text = settings.error().message + " | " + settings.error().remedy;
    for (std::size_t at = text.find(root_); at != std::string::npos; at = text.find(root_)) {
      text.replace(at, root_.size(), "ROOT");
    }
    return text;
  }
  static std::string origin(const Settings& settings, const std::string& key) {
    for (const Settings::Line& line : settings.lines) {
      if (line.key == key) {
        return line.origin;
      }
    }
    return "(no such line)";
  }

 private:
  static constexpr const char* kVariables[] = {
      "HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "PIPE_STATE", "PIPE_ENGINE", "PIPE_JOBS"};
  std::string root_;
  std::vector<std::pair<const char*, std::optional<std::string>>> kept_;
};

TEST_F(SettingsTest, WithoutFilesAndVariablesThereAreDefaults) {
  const Settings settings = load();
  EXPECT_EQ(settings.state_dir, home() + "/.local/state/pipe");
  EXPECT_EQ(settings.engine, dsl::EngineName::Auto);
  EXPECT_EQ(settings.jobs, 0);
  EXPECT_EQ(settings.grace.ms, 10'000);
  EXPECT_EQ(settings.container_prefix, "pipe");
  EXPECT_EQ(settings.lines.size(), 9U);
  EXPECT_EQ(origin(settings, "engine"), "default");
}

TEST_F(SettingsTest, EachLayerIsAboveThoseBefore) {
  write(user_file(), "engine: docker\njobs: 3\ngrace: 1m\n");
  write(project_file(), "jobs: 5\nengine: podman\n");
  setenv("PIPE_ENGINE", "sandbox", 1);
  const Settings settings = load();
  EXPECT_EQ(settings.engine, dsl::EngineName::Sandbox);
  EXPECT_EQ(origin(settings, "engine"), "PIPE_ENGINE");
  EXPECT_EQ(settings.jobs, 5);
  EXPECT_EQ(origin(settings, "jobs"), project_file());
  EXPECT_EQ(settings.grace.ms, 60'000);
  EXPECT_EQ(origin(settings, "grace"), user_file());
}

TEST_F(SettingsTest, AnotherServerMayStandInTheProvidersPlace) {
  write(user_file(), "model_upstreams: api.anthropic.com=https://proxy.test/anthropic\n");
  const Settings settings = load();
  ASSERT_EQ(settings.model_upstreams.size(), 1U);
  EXPECT_EQ(settings.model_upstreams.at("api.anthropic.com"),
            (ModelUpstream{true, "proxy.test", 443, "/anthropic"}));

  write(user_file(),
        "model_upstreams: api.anthropic.com=http://a.test api.openai.com=http://b.test\n");
  EXPECT_EQ(load().model_upstreams.size(), 2U);
  write(user_file(),
        "model_upstreams: api.anthropic.com=http://a.test,api.openai.com=http://b.test\n");
  EXPECT_NE(complaint().find("blanks between them"), std::string::npos) << complaint();
}

TEST_F(SettingsTest, TheStoreIsWhereTheVariablesSay) {
  setenv("XDG_STATE_HOME", "/xdg", 1);
  EXPECT_EQ(load().state_dir, "/xdg/pipe");
  EXPECT_EQ(origin(load(), "state_dir"), "XDG_STATE_HOME");
  setenv("PIPE_STATE", "/elsewhere/./pipe/", 1);
  EXPECT_EQ(load().state_dir, "/elsewhere/pipe");
}

TEST_F(SettingsTest, TheUsersFileMayNameTheStoreBelowHome) {
  write(user_file(), "state_dir: ~/runs\n");
  EXPECT_EQ(load().state_dir, home() + "/runs");
}

TEST_F(SettingsTest, EveryMistakeOfTheFilesIsToldInOneGo) {
  write(user_file(), "jobs: many\n");
  write(project_file(), "engine: host\ngrase: 1s\n");
  EXPECT_EQ(
      complaint(),
      "3 mistakes in the settings\n"
      "  ROOT/home/.config/pipe/config.yaml:1:7: 'jobs': expected a number from 0 (as many as "
      "processors) to 4096, found 'many'\n"
      "  ROOT/project/.pipe/config.yaml:1:9: a project cannot choose the engine 'host', which "
      "isolates nothing\n"
      "    help: name it in the pipeline, with `--engine host`, or in "
      "~/.config/pipe/config.yaml\n"
      "  ROOT/project/.pipe/config.yaml:2:1: unknown setting 'grase'\n"
      "    help: did you mean 'grace'? | ");
}

TEST_F(SettingsTest, AnEnvFileIsTheUsersOrLiesInTheProject) {
  write(user_file(), "env_file: ~/keys.env\n");
  EXPECT_EQ(load().env_file, home() + "/keys.env");
  write(project_file(), "env_file: sub/.env\n");
  EXPECT_EQ(load().env_file, project() + "/sub/.env");
  for (const char* const far : {"~/.aws/credentials", "/etc/shadow", "sub/../../.env"}) {
    write(project_file(), std::string("env_file: ") + far + "\n");
    EXPECT_EQ(complaint(),
              "ROOT/project/.pipe/config.yaml:1:11: a project's env file lies below the project | "
              "name another one with --env-file, or in ~/.config/pipe/config.yaml");
  }
}

TEST_F(SettingsTest, AProjectCannotSayWhereThisMachineKeepsThings) {
  write(project_file(), "jobs: 2\nstate_dir: /tmp/mine\n");
  EXPECT_EQ(complaint(),
            "ROOT/project/.pipe/config.yaml:2:1: a project cannot set 'state_dir' | write it into "
            "~/.config/pipe/config.yaml");
}

TEST_F(SettingsTest, AProjectCannotLeaveTheSandboxNorMakeStoppingEndless) {
  write(project_file(), "jobs: 2\nengine: host\n");
  EXPECT_EQ(complaint(),
            "ROOT/project/.pipe/config.yaml:2:9: a project cannot choose the engine 'host', which "
            "isolates nothing | name it in the pipeline, with `--engine host`, or in "
            "~/.config/pipe/config.yaml");
  write(project_file(), "grace: 1000h\n");
  EXPECT_EQ(complaint(),
            "ROOT/project/.pipe/config.yaml:1:8: a project cannot ask for a grace time above 10m | "
            "write it into ~/.config/pipe/config.yaml");
  write(project_file(), "engine: podman\ngrace: 10m\n");
  EXPECT_EQ(load().engine, dsl::EngineName::Podman);
}

TEST_F(SettingsTest, TheUserMayChooseTheHost) {
  write(user_file(), "engine: host\n");
  EXPECT_EQ(load().engine, dsl::EngineName::Host);
}

TEST_F(SettingsTest, MistakesNameFileLineKeyAndRemedy) {
  const std::vector<std::pair<std::string, std::string>> mistakes = {
      {"jbos: 4\n", ":1:1: unknown setting 'jbos' | did you mean 'jobs'?"},
      {"engine: dcoker\n",
       ":1:9: 'engine': expected one of auto, sandbox, docker, podman, host, found 'dcoker' | "},
      {"\njobs: many\n",
       ":2:7: 'jobs': expected a number from 0 (as many as processors) to 4096, found 'many' | "},
      {"jobs: -1\n",
       ":1:7: 'jobs': expected a number from 0 (as many as processors) to 4096, found '-1' | "},
      {"jobs: [1]\n", ":1:1: 'jobs' is a number, found a list | "},
      {"- jobs\n", ":1:1: settings are a map, for example `jobs: 4` | "},
  };
  for (const auto& [text, expected] : mistakes) {
    write(user_file(), text);
    EXPECT_EQ(complaint(), "ROOT/home/.config/pipe/config.yaml" + expected);
  }
}

TEST_F(SettingsTest, AVariableIsCheckedToo) {
  setenv("PIPE_STATE", "relative/path", 1);
  EXPECT_EQ(complaint(), "PIPE_STATE: expected an absolute path, found 'relative/path' | ");
}

TEST_F(SettingsTest, AnEmptyFileIsNoMistake) {
  write(user_file(), "# nothing yet\n");
  EXPECT_EQ(load().jobs, 0);
}

TEST_F(SettingsTest, WithoutHomeThereHasToBeAStore) {
  unsetenv("HOME");
  EXPECT_EQ(complaint(),
            "there is no place for the run store: HOME is not set | set HOME, or PIPE_STATE to an "
            "absolute path");
  setenv("PIPE_STATE", "/srv/pipe", 1);
  EXPECT_EQ(load().state_dir, "/srv/pipe");
}

}  // namespace
}  // namespace runner
