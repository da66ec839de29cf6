// `runtime:` and `user: host`: an OCI runtime by name, and files that are the caller's.

#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

using testing::HasSubstr;

class Place : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override { NEEDS_ENGINE(GetParam()); }
  Ended run_task(const std::string& lines) {
    folder_.write(
        "p.yaml",
        "version: 1\nname: place\nengine: " + name_of(GetParam()) +
            "\nimage: " + (GetParam() == Engine::Sandbox ? "host" : "pipe-test/busybox:1") +
            "\ntasks:\n  a:\n" + lines + "    success_criteria: [{'[ ] ok': test -s who}]\n");
    return user_.run_pipe({"run", "p.yaml", "--name", "one"}, folder_.path().string());
  }
  TempFolder folder_;
  User user_;
};

TEST_P(Place, RunsAsTheCallerInEveryEngine) {
  const Ended ended = run_task("    user: host\n    run: id -u > who\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(read_text(folder_.path() / "who"), std::to_string(geteuid()) + "\n");
  struct stat status {};
  ASSERT_EQ(stat((folder_.path() / "who").c_str(), &status), 0);
  EXPECT_EQ(status.st_uid, geteuid());
}

TEST_P(Place, HasTheRuntimeThatItNames) {
  const Ended ended = run_task("    runtime: runc\n    run: echo ran > who\n");
  if (GetParam() == Engine::Sandbox) {
    EXPECT_EQ(ended.exit_code, 2) << ended.out << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("the engine 'sandbox' has no OCI runtimes"));
    return;
  }
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  const Ended missing = run_task("    runtime: runsc-of-nobody\n    run: echo ran > who\n");
  EXPECT_EQ(missing.exit_code, 3) << missing.out << missing.err;
  EXPECT_THAT(missing.err, HasSubstr("has no runtime 'runsc-of-nobody', only: "));
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         Place,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& each) { return name_of(each.param); });

}  // namespace
}  // namespace e2e
