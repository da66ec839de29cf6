// Files of this machine in a task's containers, and what is run there first.

#include <filesystem>
#include <string>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

std::string image_of(Engine engine) {
  return engine == Engine::Sandbox ? "host" : "pipe-test/busybox:1";
}

class Mounts : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override { NEEDS_ENGINE(GetParam()); }

  Ended run_with(const std::string& body) {
    project_.write("project/pipeline.yaml",
                   "version: 1\nname: mounts\nengine: " + name_of(GetParam()) +
                       "\nimage: " + image_of(GetParam()) + "\n" + body);
    return user_.run_pipe({"run", "pipeline.yaml"}, (project_.path() / "project").string());
  }

  TempFolder project_;
  User user_;
};

TEST_P(Mounts, AreSeenByTheTaskAndItsChecksAndWrittenByTheTaskAlone) {
  project_.write("data/in", "from outside\n");
  project_.write("settings", "mine\n");
  const std::string pipeline = R"yaml(
defaults:
  mounts:
    - ../data:/data:rw
    - {source: ../settings, target: ~/.config/settings}
tasks:
  work:
    run: |
      cp /data/in got
      cat ~/.config/settings >> got
      echo kept > /data/out
      ! echo no > ~/.config/settings
    success_criteria:
      - "[ ] It was read": test "$(cat got)" = "$(cat /data/in; cat ~/.config/settings)"
      - "[ ] It was written": grep -q kept /data/out
      - "[ ] A check does not write": "! echo no > /data/by-check"
)yaml";
  const Ended ended = run_with(pipeline);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(read_text(project_.path() / "data/out"), "kept\n");
  EXPECT_EQ(read_text(project_.path() / "settings"), "mine\n");
  EXPECT_FALSE(fs::exists(project_.path() / "data/by-check"));

  // What lies there is no part of what a result is looked up by.
  project_.write("data/in", "something else\n");
  EXPECT_EQ(run_with(pipeline).exit_code, 0);
  EXPECT_EQ(read_text(project_.path() / "project/got"), "something else\nmine\n");
}

// A sandbox starts among the mounts that all sandboxes need; a folder elsewhere is no less itself.
TEST_P(Mounts, MayBeOnAnotherFileSystem) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "to mount a file system takes root";
  }
  project_.write("memory/note", "covered");
  const std::string memory = (project_.path() / "memory").string();
  ASSERT_EQ(mount("none", memory.c_str(), "tmpfs", 0, "size=64k"), 0);
  project_.write("memory/note", "kept in memory");
  const Ended ended = run_with(R"yaml(
tasks:
  with:
    mounts: ["../memory:/data"]
    run: grep kept /data/note
    success_criteria:
      - "[ ] A check sees it as well": grep kept /data/note
  without:
    run: "true"
    success_criteria:
      - "[ ] There is none": test ! -e /data/note
)yaml");
  EXPECT_EQ(umount2(memory.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

TEST_P(Mounts, SetupComesBeforeTheCommandAndBeforeEachRunCheckInTheSameShell) {
  const Ended ended = run_with(R"yaml(
tasks:
  work:
    setup: |
      # what only this container needs
      export WORD="set up"
      echo once >> /tmp/begun
    env: {GIVEN: "${{ 'a value' }}"}
    run: |
      echo "$WORD, $GIVEN" > got
      cp /tmp/begun begun
    success_criteria:
      - "[ ] The command": test "$(cat got)" = "set up, a value"
      - "[ ] Once": test "$(wc -l < begun)" = 1
      - "[ ] A check as well": test "$WORD" = "set up"
      - "[ ] One without a shell": {run: [test, -f, /tmp/begun]}
  fails:
    setup: exit 3
    allow_failure: true
    run: touch never
    success_criteria: ["[ ] no": test -f never]
)yaml");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("exit 3"));
  EXPECT_FALSE(fs::exists(project_.path() / "project/never"));
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         Mounts,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& engine) { return name_of(engine.param); });

TEST(MountsOfThisMachine, ThatCannotBeAreRefusedBeforeAnythingRuns) {
  NEEDS_ENGINE(Engine::Sandbox);
  const TempFolder folder;
  const User user;
  fs::create_directory_symlink("/proc", folder.path() / "link");
  ASSERT_EQ(mkfifo((folder.path() / "fifo").c_str(), 0600), 0);
  folder.write("pipeline.yaml", R"yaml(
version: 1
name: refused
engine: sandbox
image: host
tasks:
  work:
    run: echo ran > ran
    mounts:
      - missing:/one
      - link:/two
      - fifo:/three
      - /:/four
    success_criteria: ["[ ] ok": "true"]
)yaml");
  EXPECT_EQ(user.run_pipe({"run", "pipeline.yaml"}, folder.path().string()).exit_code, 2);
  std::string text = read_text(folder.path() / "pipeline.yaml");
  text.replace(text.find("/:/four"), 7, user.state() + ":/four");
  folder.write("pipeline.yaml", text);
  const Ended ended = user.run_pipe({"run", "pipeline.yaml"}, folder.path().string());
  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("/missing': No such file or directory"),
                    HasSubstr("/link': it leads to /proc, which no task may see whole"),
                    HasSubstr("/fifo': neither file nor folder"),
                    HasSubstr("runs and their evidence lie there"),
                    HasSubstr("pipeline.yaml:")));
  EXPECT_FALSE(fs::exists(folder.path() / "ran"));
}

/// Somebody listens at that path as long as this lives.
class Listening {
 public:
  explicit Listening(const fs::path& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket_, 1), 0);
  }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  ~Listening() { ::close(socket_); }

 private:
  int socket_;
};

TEST(MountsOfThisMachine, AFolderWithTheSocketOfAnEngineIsThatEngine) {
  NEEDS_ENGINE(Engine::Sandbox);
  const TempFolder folder;
  const User user;
  fs::create_directories(folder.path() / "run" / "deep");
  fs::create_directory_symlink("run", folder.path() / "link");
  const Listening docker(folder.path() / "run" / "deep" / "docker.sock");
  const Listening other(folder.path() / "harmless.sock");
  folder.write("pipeline.yaml", R"yaml(
version: 1
name: refused
engine: sandbox
tasks:
  work: {image: host, run: echo ran > ran, mounts: [link:/one], success_criteria: ["[ ] ok": "true"]}
  whole: {image: {rootfs: /}, run: "true", success_criteria: ["[ ] ok": "true"]}
)yaml");
  const Ended ended = user.run_pipe({"run", "pipeline.yaml"}, folder.path().string());
  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("/run/deep/docker.sock' is there, and whoever speaks with it is as "
                              "good as root on this machine"),
                    HasSubstr("'whole' asks to see '/': it leads to /, which no task may see")));
  EXPECT_FALSE(fs::exists(folder.path() / "ran"));
}

TEST(MountsOfThisMachine, AreNothingToTheHostEngine) {
  const TempFolder folder;
  const User user;
  folder.write("pipeline.yaml", R"yaml(
version: 1
name: bare
tasks:
  work: {run: "true", mounts: [".:/data"], success_criteria: ["[ ] ok": "true"]}
)yaml");
  const Ended ended =
      user.run_pipe({"run", "pipeline.yaml", "--engine", "host"}, folder.path().string());
  EXPECT_EQ(ended.exit_code, 3) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("choose another engine, or remove `mounts:`"));
}

}  // namespace
}  // namespace e2e
