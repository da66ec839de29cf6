// Bad input and bad circumstances: each gets an exit code and a sentence that says what to do, and
// nothing is lost.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <unistd.h>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A harmless pipeline: one task, one box, one file.
const std::string kGood =
    "version: 1\nname: good\nengine: host\ntasks:\n  write:\n    run: echo new > new.txt\n"
    "    success_criteria:\n      - \"[ ] It is there\": test -s new.txt\n";

class BadInput : public testing::Test {
 protected:
  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

  Ended run_text(const std::string& text, const std::vector<std::string>& more = {}) {
    folder_.write("pipeline.yaml", text);
    std::vector<std::string> arguments = {"run", "pipeline.yaml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return user_.run_pipe(arguments, folder());
  }

  TempFolder folder_;
  User user_;
};

// ---- Files that are no pipelines ---------------------------------------------------------------

TEST_F(BadInput, MissingFileIsNamed) {
  const Ended ended = user_.run_pipe({"run", "nowhere.yaml"}, folder());
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("nowhere.yaml"));
  EXPECT_EQ(ended.out, "");
}

TEST_F(BadInput, AMessageDoesNothingToTheTerminal) {
  const Ended file = user_.run_pipe({"run", "x\x1b]0;title\x07\x1b[31m.yaml"}, folder());
  EXPECT_EQ(file.exit_code, 2);
  EXPECT_THAT(file.err, HasSubstr(R"(x\x1b]0;title\x07\x1b[31m.yaml)"));
  const Ended image = run_text(
      "version: 1\nname: a\nengine: docker\ntasks: {a: {run: x, image: {archive: "
      "\"y\\e[31m\\u202e.tar\"}}}\n");
  EXPECT_NE(image.exit_code, 0);
  for (const Ended& ended : {file, image}) {
    EXPECT_THAT(ended.err, Not(HasSubstr("\x1b")));
    EXPECT_THAT(ended.err, Not(HasSubstr("\u202e")));
  }
}

TEST_F(BadInput, FolderIsNoPipeline) {
  const Ended ended = user_.run_pipe({"validate", "."}, folder());
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("'.'"));
}

TEST_F(BadInput, BinaryFileIsRefusedWithItsPlace) {
  const Ended ended = run_text(std::string("version: 1\n\0\x01\x02garbage", 23));
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("pipeline.yaml:2:1"));
}

TEST_F(BadInput, InvalidUtf8IsRefusedWithItsPlace) {
  const Ended ended = run_text("version: 1\nname: \xff\xfe\n");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("pipeline.yaml:2:7"));
}

TEST_F(BadInput, EveryMistakeIsToldAtOnce) {
  const Ended ended = run_text(
      "version: 1\nname: many\ntasks:\n  a: {runn: 'true'}\n  b: {run: 'true', needs: [c]}\n"
      "  d: {run: 'true', timeout: 5}\n");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("pipeline.yaml:4:"),
                    HasSubstr("pipeline.yaml:5:"),
                    HasSubstr("pipeline.yaml:6:")));
}

TEST_F(BadInput, CycleIsShownAsAPath) {
  const Ended ended = run_text(
      "version: 1\nname: circle\ntasks:\n  a: {run: 'true', needs: [c]}\n"
      "  b: {run: 'true', needs: [a]}\n  c: {run: 'true', needs: [b]}\n");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("a"), HasSubstr("b"), HasSubstr("c"), HasSubstr("->")));
}

TEST_F(BadInput, AliasBombCostsNeitherTimeNorMemory) {
  std::string bomb = "version: 1\nname: bomb\na0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 10; ++level) {
    const std::string below = "*a" + std::to_string(level - 1);
    bomb += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below;
    for (int copy = 0; copy < 8; ++copy) {
      bomb += ", " + below;
    }
    bomb += "]\n";
  }
  const Ended ended = run_text(bomb);
  EXPECT_EQ(ended.exit_code, 2) << ended.err;
  EXPECT_LT(ended.peak_rss_kib, 200 * 1024);
}

TEST_F(BadInput, HundredMegabytesAreRefusedWithoutReadingThemIntoATree) {
  std::string text = kGood;
  text.reserve(101U << 20);
  while (text.size() < (100U << 20)) {
    text += "# a comment that goes on and on and says nothing at all, line after line after line\n";
  }
  const Ended ended = run_text(text);
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("64 MiB"));
  EXPECT_LT(ended.peak_rss_kib, 300 * 1024);
}

// ---- Engines and images ------------------------------------------------------------------------

TEST_F(BadInput, DaemonThatIsDownSaysHowToStartIt) {
  user_.env["DOCKER_HOST"] = "unix:///nowhere/docker.sock";
  const Ended ended = run_text(
      "version: 1\nname: down\nengine: docker\nimage: pipe-test/busybox:1\n"
      "tasks:\n  a: {run: 'true'}\n");
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("docker"), HasSubstr("start")));
}

TEST_F(BadInput, ImageThatIsNowhereIsNamed) {
  NEEDS_ENGINE(Engine::Docker);
  const Ended ended = run_text(
      "version: 1\nname: image\nengine: docker\nimage: localhost:1/no/such-image:9\n"
      "tasks:\n  a: {run: 'true'}\n");
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(ended.err, HasSubstr("no/such-image:9"));
}

TEST_F(BadInput, PartsOfALaterVersionAreRefusedAndNeverIgnored) {
  const std::string head = "version: 1\nname: later\nengine: host\n";
  const std::string tasks = "tasks:\n  a: {run: 'true'}\n";
  const std::pair<std::string, std::string> parts[] = {
      {"defaults: {docker: dind}\n", "asks for a Docker daemon of its own"},
      {"firewall: {allow: [\"example.org:443\"]}\n", "asks for a firewall"}};
  for (const auto& [part, said] : parts) {
    const Ended ended = run_text(head + part + tasks);
    EXPECT_EQ(ended.exit_code, 3) << part << ended.out << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(said)) << part;
  }
}

// ---- The project -------------------------------------------------------------------------------

class Project : public BadInput {
 protected:
  /// A repository with kGood and one commit.
  void make_repository() {
    folder_.write("pipeline.yaml", kGood);
    user_.git({"init", "-q"}, folder());
    user_.git({"add", "."}, folder());
    user_.git({"commit", "-qm", "first"}, folder());
  }
  Ended run_it() { return user_.run_pipe({"run", "pipeline.yaml", "--name", "it"}, folder()); }

  /// The branch that the run made; "" when there is none or more than one.
  std::string result_branch() {
    const std::string branches =
        user_.git({"for-each-ref", "--format=%(refname:short)", "refs/heads/pipe"}, folder());
    return branches.find('\n') == std::string::npos ? branches : "";
  }
};

TEST_F(Project, RepositoryKeepsItsWorkTreeAndGetsABranch) {
  make_repository();
  const std::string head = user_.git({"rev-parse", "HEAD"}, folder());
  const Ended ended = run_it();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_FALSE(fs::exists(folder_.path() / "new.txt"));
  EXPECT_EQ(user_.git({"status", "--porcelain"}, folder()), "");
  EXPECT_EQ(user_.git({"rev-parse", "HEAD"}, folder()), head);
  const std::string branch = result_branch();
  ASSERT_NE(branch, "");
  EXPECT_EQ(user_.git({"show", branch + ":new.txt"}, folder()), "new");
  EXPECT_THAT(ended.out, HasSubstr(branch));
}

TEST_F(Project, WithUncommittedChangesIsTakenAsCommittedAndToldSo) {
  make_repository();
  folder_.write("draft.txt", "not committed\n");
  const Ended ended = run_it();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("1 untracked file in the work tree left out"));
  EXPECT_THAT(user_.git({"ls-tree", "--name-only", result_branch()}, folder()),
              Not(HasSubstr("draft.txt")));
  EXPECT_EQ(read_text(folder_.path() / "draft.txt"), "not committed\n");
}

TEST_F(Project, WithADetachedHeadRuns) {
  make_repository();
  user_.git({"checkout", "-q", "--detach"}, folder());
  const Ended ended = run_it();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(user_.git({"show", result_branch() + ":new.txt"}, folder()), "new");
}

TEST_F(Project, WithoutCommitsSaysHowToMakeTheFirst) {
  folder_.write("pipeline.yaml", kGood);
  user_.git({"init", "-q"}, folder());
  const Ended ended = run_it();
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(ended.err, AllOf(HasSubstr("no commits yet"), HasSubstr("git commit")));
}

TEST_F(Project, BehindASymbolicLinkIsTheFolderThatItNamesAndToldSo) {
  TempFolder real;
  real.write("old.txt", "old\n");
  std::string text = kGood;
  text.replace(text.find("tasks:"), 0, "workspace: {source: link}\n");
  folder_.write("pipeline.yaml", text);
  fs::create_directory_symlink(real.path(), folder_.path() / "link");
  const Ended ended = run_it();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("leads to '" + real.path().string() + "'"));
  EXPECT_EQ(read_text(real.path() / "new.txt"), "new\n");
  EXPECT_TRUE(fs::is_symlink(folder_.path() / "link"));
  EXPECT_EQ(read_text(real.path() / "old.txt"), "old\n");
}

TEST_F(Project, FailedRunLeavesEverythingAsItWas) {
  std::string text = kGood;
  text.replace(text.find("test -s new.txt"), 15, "'false'");
  folder_.write("pipeline.yaml", text);
  folder_.write("mine.txt", "mine\n");
  const Ended ended = run_it();
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_FALSE(fs::exists(folder_.path() / "new.txt"));
  EXPECT_EQ(read_text(folder_.path() / "mine.txt"), "mine\n");
}

// ---- The folder that gets the result ------------------------------------------------------------

class Target : public BadInput {
 protected:
  /// Runs `script` in a mount namespace of its own, in a project on a small file system.
  Ended in_small_project(const std::string& task, const std::string& script) {
    folder_.write("pipeline.yaml",
                  "version: 1\nname: big\nengine: host\ntasks:\n  big: {run: '" + task + "'}\n");
    fs::create_directories(folder_.path() / "small");
    Start start = user_.pipe({}, folder());
    start.argv = {"unshare",
                  "--mount",
                  "--map-root-user",
                  "sh",
                  "-c",
                  "mount -t tmpfs -o size=1m none small && cp pipeline.yaml small && cd small && "
                  "echo old > first && echo old > gone && pipe=" PIPE_BINARY "; " +
                      script};
    return run(start);
  }
};

TEST_F(Target, ThatIsFullStaysAsItWasUntilThereIsRoom) {
  const Ended ended = in_small_project(
      "echo new > first; rm gone; head -c 4M /dev/zero > second",
      "$pipe run pipeline.yaml; echo exit $?; ls -A; cat first; "
      "mount -o remount,size=16m none . && $pipe resume; echo exit $?; ls -A; cat first");
  EXPECT_THAT(ended.out, HasSubstr("exit 3\nfirst\ngone\npipeline.yaml\nold\n"));
  EXPECT_THAT(ended.out, HasSubstr("exit 0\nfirst\npipeline.yaml\nsecond\nnew\n"));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("nothing was written"),
                    HasSubstr("make room on the file system, then `pipe resume ")));
}

TEST_F(Target, ThatIsFullCanStillLoseWhatTheRunRemoved) {
  const Ended ended = in_small_project(
      "rm gone", "head -c 4M /dev/zero > filler; $pipe run pipeline.yaml; echo exit $?; ls -A");
  EXPECT_THAT(ended.out, HasSubstr("exit 0\nfiller\nfirst\npipeline.yaml\n"));
}

TEST_F(Target, ThatHasAPartOfTheResultKeepsItsRunFromBeingCleaned) {
  folder_.write("pipeline.yaml",
                "version: 1\nname: big\nengine: host\nworkspace: {source: small}\ntasks:\n"
                "  big: {run: 'echo new > first; echo new > second'}\n");
  fs::create_directories(folder_.path() / "small");
  folder_.write("small/first", "old\n");
  Start start = user_.pipe({}, folder());
  start.argv = {"unshare",
                "--mount",
                "--map-root-user",
                "sh",
                "-c",
                "mount --bind small small && mount -o remount,bind,ro small && " PIPE_BINARY
                " run pipeline.yaml --name half"};
  ASSERT_EQ(run(start).exit_code, 3);
  // As a runner that was killed leaves it.
  folder_.write("small/.pipe-new-0123456789abcdef/second", "new\n");
  for (const char* how : {"half", "--force"}) {
    const Ended kept = user_.run_pipe({"clean", how, "half"}, folder());
    EXPECT_EQ(kept.exit_code, 3) << how;
    EXPECT_THAT(kept.err, AllOf(HasSubstr("/small/.pipe-new-"), HasSubstr("`pipe resume half`")));
  }
  fs::remove_all(folder_.path() / "small/.pipe-new-0123456789abcdef");
  EXPECT_THAT(user_.run_pipe({"clean", "half"}, folder()).err, HasSubstr("throws it away"));
  EXPECT_EQ(user_.run_pipe({"resume", "half"}, folder()).exit_code, 0);
  EXPECT_EQ(read_text(folder_.path() / "small/first"), "new\n");
  EXPECT_EQ(user_.run_pipe({"clean", "half"}, folder()).exit_code, 0);
}

TEST_F(Target, ThatIsReadOnlyIsSaidSoWithTheWayOut) {
  const Ended ended = in_small_project(
      "echo new > first",
      "mount -o remount,ro none . && $pipe run pipeline.yaml; echo exit $?; ls -A; "
      "mount -o remount,rw none . && $pipe resume; echo exit $?; cat first");
  EXPECT_THAT(ended.out, HasSubstr("exit 3\nfirst\ngone\npipeline.yaml\n"));
  EXPECT_THAT(ended.out, HasSubstr("exit 0\nnew\n"));
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr(folder() + "/small'"),
                    HasSubstr("Read-only file system"),
                    HasSubstr("make the folder writable, then `pipe resume "),
                    testing::Not(HasSubstr("PIPE_STATE"))));
}

// ---- The store ---------------------------------------------------------------------------------

class Store : public BadInput {
 protected:
  Store() { folder_.write("pipeline.yaml", kGood); }

  /// `pipe ARGUMENTS` in a mount namespace of its own where `mount_command` was run first.
  Ended run_with_mount(const std::string& mount_command, const std::string& arguments) {
    Start start = user_.pipe({}, folder());
    start.argv = {"unshare",
                  "--mount",
                  "--map-root-user",
                  "sh",
                  "-c",
                  mount_command + " && exec " PIPE_BINARY " " + arguments};
    return run(start);
  }
};

TEST_F(Store, ThatIsReadOnlyIsSaidSoAndNothingRuns) {
  fs::create_directories(user_.state());
  const std::string state = user_.state();
  const Ended ended = run_with_mount(
      "mount --bind '" + state + "' '" + state + "' && mount -o remount,bind,ro '" + state + "'",
      "run pipeline.yaml");
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.err, AllOf(HasSubstr(state), HasSubstr("ead-only")));
  EXPECT_FALSE(fs::exists(folder_.path() / "new.txt"));
}

TEST_F(Store, ThatIsFullIsSaidSoAndTheProjectStaysAsItWas) {
  fs::create_directories(user_.state());
  folder_.write("pipeline.yaml",
                "version: 1\nname: big\nengine: host\ntasks:\n"
                "  big: {run: 'head -c 64M /dev/urandom > big.bin'}\n");
  const Ended ended = run_with_mount("mount -t tmpfs -o size=16m none '" + user_.state() + "'",
                                     "run pipeline.yaml");
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("make room on the file system"));
  EXPECT_FALSE(fs::exists(folder_.path() / "big.bin"));
}

TEST_F(Store, ThatIsFullIsNoVerdictOfAQuietCommandAndARunGoesOnOnceThereIsRoom) {
  fs::create_directories(user_.state());
  folder_.write("pipeline.yaml",
                "version: 1\nname: big\nengine: host\ntasks:\n  big:\n"
                "    run: head -c 4M /dev/urandom > big.bin\n    success_criteria:\n"
                "      - \"[ ] it copies\": head -c 20M /dev/zero > copy 2> /dev/null\n");
  const std::string state = "'" + user_.state() + "'";
  const Ended ended = run_with_mount(
      "mount -t tmpfs -o size=16m none " + state +
          " && { " PIPE_BINARY
          " run pipeline.yaml; echo exit $?; ls; } && mount -o remount,size=256m none " +
          state,
      "resume");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("exit 3\npipeline.yaml\n"));
  EXPECT_THAT(ended.out, HasSubstr("no space is left where runs are kept"));
  EXPECT_TRUE(fs::exists(folder_.path() / "big.bin"));
}

TEST_F(Store, OfANewerVersionIsNotTouched) {
  ASSERT_EQ(user_.run_pipe({"run", "pipeline.yaml"}, folder()).exit_code, 0);
  const std::string store = user_.state() + "/store.db";
  ASSERT_TRUE(fs::exists(store));
  // The header of an SQLite file has `user_version` as four bytes, big-endian, at offset 60.
  const Ended written = run({{"sh",
                              "-c",
                              "printf '\\000\\017\\102\\100' | dd of='" + store +
                                  "' bs=1 seek=60 conv=notrunc status=none"},
                             "",
                             {}});
  ASSERT_EQ(written.exit_code, 0) << written.err;
  const std::string before = read_text(store);
  const Ended ended = user_.run_pipe({"run", "pipeline.yaml"}, folder());
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("newer"));
  EXPECT_EQ(read_text(store), before);
}

}  // namespace
}  // namespace e2e
