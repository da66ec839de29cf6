// scripts/start-docker beside programs that behave as the real ones did where it went wrong; the
// tests of the engines run it with the real daemon.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

class StartDockerTest : public testing::Test {
 protected:
  StartDockerTest() {
    program("id", "echo 0");  // no sudo
    program("systemctl", "exit 1");
    program("docker", "test -e '" + path("answers") + "'");
  }
  ~StartDockerTest() override {
    pid_t daemon = 0;
    if (std::ifstream(path("daemon")) >> daemon && daemon > 0) {
      ::kill(daemon, SIGKILL);
    }
  }

  std::string path(const std::string& name) const { return (folder_.path() / name).string(); }
  void program(const std::string& name, const std::string& script) const {
    std::filesystem::permissions(folder_.write("bin/" + name, "#!/bin/sh\n" + script + "\n"),
                                 std::filesystem::perms::all);
  }
  /// A dockerd that runs `script`, which has its options in $pid_file and $bridge.
  void daemon(const std::string& script) const {
    program("dockerd",
            "echo $$ >'" + path("daemon") +
                "'\nwhile [ $# -gt 0 ]; do\n"
                "  case $1 in --pidfile) pid_file=$2 ;; --bridge=*) bridge=${1#*=} ;; esac\n"
                "  shift\ndone\n" +
                script);
  }
  Ended start() const {
    return run({.argv = {PIPE_SOURCE_DIR "/scripts/start-docker", path("state")},
                .folder = {},
                .env = {{"PATH", path("bin") + ":/usr/bin:/bin"}, {"DOCKER_HOST", ""}}},
               std::chrono::seconds(100));
  }

  TempFolder folder_;
};

// On a cold disk, the binary alone took six seconds to load, and its pid file came after them.
TEST_F(StartDockerTest, WaitsForADaemonThatIsSlowToWriteItsPid) {
  daemon("sleep 6\necho $$ >\"$pid_file\"\n: >'" + path("answers") + "'\nexec sleep 100");
  const Ended ended = start();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("started dockerd, pid "), std::string::npos) << ended.err;
}

TEST_F(StartDockerTest, TellsTheLastWordsOfADaemonThatEnded) {
  daemon("echo 'failed to start: no such device'; exit 1");
  const Ended ended = start();
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_NE(ended.err.find("failed to start: no such device"), std::string::npos) << ended.err;
  EXPECT_NE(ended.err.find("dockerd did not start; its log is"), std::string::npos) << ended.err;
}

TEST_F(StartDockerTest, DoesWithoutABridgeWhereThereIsNoNetfilter) {
  daemon(
      "[ \"$bridge\" = none ] || { echo 'iptables: no such table'; exit 1; }\n"
      "echo $$ >\"$pid_file\"\n: >'" +
      path("answers") + "'\nexec sleep 100");
  const Ended ended = start();
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.err.find("starting without the bridge network"), std::string::npos) << ended.err;
}

TEST_F(StartDockerTest, LeavesADaemonAloneThatAnswers) {
  folder_.write("answers", "");
  daemon("exit 1");
  EXPECT_EQ(start().exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(path("daemon")));
}

}  // namespace
}  // namespace e2e
