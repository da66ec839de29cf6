// pipe undo: what a run brought goes, and nothing else.

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

TEST_F(GitRun, UndoRemovesTheBranchAndNothingElse) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const std::string head = user_.git({"rev-parse", "HEAD"}, folder());
  const Ended undone = pipe({"undo", "r"});
  EXPECT_EQ(undone.exit_code, 0) << undone.err;
  EXPECT_EQ(undone.out, "undone: branch 'pipe/p/r'\n");
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");
  EXPECT_EQ(user_.git({"rev-parse", "HEAD"}, folder()), head);
  EXPECT_THAT(pipe({"show", "r"}).out, HasSubstr("passed, undone"));
  EXPECT_THAT(pipe({"ls"}).out, AllOf(HasSubstr("undone"), Not(HasSubstr("passed"))));
  EXPECT_THAT(pipe({"ls", "--json"}).out, HasSubstr(R"("status":"undone")"));
  EXPECT_THAT(pipe({"diff", "r"}).out, HasSubstr("-two\n+2\n"));
  EXPECT_EQ(pipe({"undo", "r"}).exit_code, 2);
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 2);
}

TEST_F(GitRun, UndoLeavesABranchThatSomebodyWorkedOn) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  user_.git({"switch", "-q", "pipe/p/r"}, folder());
  const Ended checked_out = pipe({"undo", "r"});
  EXPECT_EQ(checked_out.exit_code, 3);
  EXPECT_THAT(checked_out.err, HasSubstr("is checked out"));
  user_.git({"commit", "-q", "--allow-empty", "-m", "mine"}, folder());
  user_.git({"switch", "-q", "main"}, folder());
  EXPECT_THAT(pipe({"undo", "r"}).err, HasSubstr("has changed since the run made it"));
  user_.git({"branch", "-q", "-f", "pipe/p/r", "pipe/p/r~1"}, folder());
  user_.git({"merge", "-q", "pipe/p/r"}, folder());
  EXPECT_THAT(pipe({"undo", "r"}).err, AllOf(HasSubstr("are part of 'main'"), HasSubstr("revert")));
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)", "pipe/*"}, folder()),
            "pipe/p/r");
}

TEST_F(GitRun, UndoLeavesWhatAnotherRunStandsOn) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  user_.git({"switch", "-q", "pipe/p/r"}, folder());
  ASSERT_EQ(
      pipe({"run",
            outside_.write("more.yaml",
                           pipeline_head() + "tasks:\n  ask: {approval: 'Go on?'}\n"
                                             "  more: {needs: [ask], run: echo more > more.txt}\n"),
            "--name",
            "next"})
          .exit_code,
      4);
  user_.git({"switch", "-q", "main"}, folder());
  const Ended refused = pipe({"undo", "r"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("'next' goes on from it and is not over"));
  EXPECT_NE(user_.git({"branch", "--list", "pipe/p/r"}, folder()), "");

  ASSERT_EQ(pipe({"approve", "next", "--resume"}).exit_code, 0);
  const Ended undone = pipe({"undo", "r", "--because", "not wanted"});
  EXPECT_EQ(undone.exit_code, 0) << undone.err;
  EXPECT_THAT(undone.err, HasSubstr("`pipe undo next` removes that"));
  EXPECT_THAT(pipe({"show", "r"}).out, HasSubstr("because not wanted"));
}

TEST_F(GitRun, UndoSaysWhatARemoteStillHas) {
  const std::string remote = outside_.path().string() + "/remote.git";
  user_.git({"init", "-q", "--bare", remote}, folder());
  user_.git({"remote", "add", "origin", remote}, folder());
  ASSERT_EQ(run(std::string("git: {push: true}\n") + kTwoTasks).exit_code, 0);
  const Ended undone = pipe({"undo", "r"});
  EXPECT_EQ(undone.exit_code, 0) << undone.err;
  EXPECT_THAT(undone.err, HasSubstr("`git push origin --delete pipe/p/r` removes it"));
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)"}, remote), "pipe/p/r");
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 2);  // nothing of it is owed any more
  EXPECT_THAT(pipe({"push", "r"}).err, HasSubstr("was undone"));
}

TEST_F(GitRun, UndoHasNothingToDoWhereNothingCame) {
  ASSERT_EQ(run("tasks: {a: {run: \"false\"}}\n").exit_code, 1);
  const Ended refused = pipe({"undo", "r"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("has brought nothing into the project"));
}

TEST_F(GitRun, UndoPutsTheFilesOfAFolderBack) {
  const TempFolder plain;
  plain.write("kept.txt", "one\ntwo\n");
  plain.write("mine.txt", "mine\n");
  const std::string file = outside_.write(
      "plain.yaml",
      "version: 1\nname: p\nengine: host\nworkspace: {source: " + plain.path().string() + "}\n" +
          kTwoTasks);
  ASSERT_EQ(pipe({"run", file, "--name", "r"}).exit_code, 0);
  ASSERT_EQ(read_text(plain.path() / "kept.txt"), "one\n2\n");
  plain.write("kept.txt", "changed by hand\n");
  const Ended refused = pipe({"undo", "r"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("'kept.txt'"), HasSubstr("nothing was undone")));
  EXPECT_TRUE(std::filesystem::exists(plain.path() / "new file.txt"));

  plain.write("kept.txt", "one\n2\n");
  EXPECT_EQ(pipe({"undo", "r"}).exit_code, 0);
  EXPECT_EQ(read_text(plain.path() / "kept.txt"), "one\ntwo\n");
  EXPECT_EQ(read_text(plain.path() / "mine.txt"), "mine\n");
  EXPECT_FALSE(std::filesystem::exists(plain.path() / "new file.txt"));
}

}  // namespace
}  // namespace e2e
