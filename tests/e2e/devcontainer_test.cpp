// `image: {devcontainer: …}` with real containers: what the file says is there in the task and in
// its checks; what it asks for and cannot have is told before anything starts.

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Devcontainer : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override { NEEDS_ENGINE(GetParam()); }

  /// A pipeline beside the devcontainer.json; `task` is indented by four.
  void write(const std::string& json, const std::string& task) const {
    project_.write(".devcontainer/devcontainer.json", json);
    project_.write("p.yaml",
                   "version: 1\nname: probe\nengine: " + name_of(GetParam()) +
                       "\nimage: {devcontainer: .devcontainer/devcontainer.json}\ntasks:\n  a:\n" +
                       task);
  }
  [[nodiscard]] Ended pipe(const std::vector<std::string>& arguments) const {
    return user_.run_pipe(arguments, project_.path().string());
  }

  User user_;
  TempFolder project_;
};

TEST_P(Devcontainer, IsWhatTasksAndChecksRunIn) {
  project_.write(".devcontainer/Dockerfile",
                 "FROM pipe-test/busybox:1\nCOPY made-for /made-for\nRUN echo built > /built\n"
                 "RUN echo 'dev:x:1234:1234::/:/bin/sh' >> /etc/passwd && touch /prepared && "
                 "chown 1234 /prepared\n");
  project_.write(".devcontainer/made-for", "tests\n");
  project_.write("data/in", "mounted\n");
  write(R"({
          // as editors take it
          "build": {"dockerfile": "Dockerfile"},
          "containerEnv": {"FLAVOUR": "strawberry", "AT": "${containerWorkspaceFolder}/x"},
          "remoteUser": "dev",
          "mounts": ["source=${localWorkspaceFolder}/data,target=/data,type=bind,readonly"],
          "postCreateCommand": "echo $FLAVOUR > /prepared",
          "customizations": {"vscode": {"extensions": ["some.editor"]}},
        })",
        "    run: |\n      cat /made-for /built /data/in /prepared\n"
        "      echo \"$FLAVOUR $AT $(id -u)\"\n      touch /data/more || echo read-only\n"
        "    success_criteria:\n"
        "      - '[ ] the check is in it too': test \"$(cat /prepared)\" = strawberry\n");
  const Ended ended = pipe({"run", "p.yaml", "--name", "one"});
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(pipe({"logs", "one", "a"}).out,
              AllOf(HasSubstr("tests\nbuilt\nmounted\nstrawberry\nstrawberry /workspace/x 1234\n"),
                    HasSubstr("read-only")));
  EXPECT_FALSE(std::filesystem::exists(project_.path() / "data/more"));
}

TEST_P(Devcontainer, NamesAnImageAndIsBeneathWhatTheTaskSays) {
  write(R"({"image": "pipe-test/busybox:1", "containerEnv": {"A": "file", "B": "file"}})",
        "    env: {B: task}\n    run: echo \"$A $B\"\n"
        "    success_criteria: [{'[ ] ok': 'true'}]\n");
  const Ended ended = pipe({"run", "p.yaml", "--name", "one"});
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(pipe({"logs", "one", "a"}).out, "file task\n");
}

TEST_P(Devcontainer, IsRefusedForWhatNoTaskCanHave) {
  const std::string image = R"({"image": "pipe-test/busybox:1", )";
  for (const auto& [wish, why, remedy] :
       {std::array{R"("features": {"ghcr.io/some/feature:1": {}}})",
                   "'features', which no pipeline can give",
                   "put what they install into a Dockerfile"},
        std::array{R"("runArgs": ["--privileged"]})",
                   "'runArgs', which no pipeline can give",
                   "write what they ask for in the pipeline"},
        std::array{R"("mounts": ["source=v,target=/v,type=volume"]})",
                   "mounts a 'volume' at",
                   "a mount of type 'bind'"},
        std::array{R"("containerEnv": {"A": "${localEnv:HOME}"}})",
                   "which a plan cannot know",
                   "write the value itself"}}) {
    write(image + wish, "    run: touch started\n");
    const Ended ended = pipe({"run", "p.yaml"});
    EXPECT_EQ(ended.exit_code, 2) << wish << ended.out << ended.err;
    EXPECT_THAT(ended.err, AllOf(HasSubstr("--> p.yaml:4:"), HasSubstr(why), HasSubstr(remedy)));
  }
  EXPECT_FALSE(std::filesystem::exists(project_.path() / "started"));
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         Devcontainer,
                         testing::Values(Engine::Docker, Engine::Podman),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace e2e
