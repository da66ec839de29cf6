// The latest run, of several projects of one user (issue 5: `pipe push` in A took the run of B).

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

/// Run "r" of the fixture's project, then a newer one, "other", of another.
class LatestRun : public GitRun {
 protected:
  LatestRun() {
    other_.write("kept.txt", "one\ntwo\nthree\n");
    user_.git({"init", "-q", "-b", "main"}, other());
    user_.git({"add", "."}, other());
    user_.git({"commit", "-qm", "first"}, other());
    for (const std::string& project : {folder(), other()}) {
      const std::string remote = outside_.path().string() + project + ".git";
      user_.git({"init", "-q", "--bare", remote}, project);
      user_.git({"remote", "add", "origin", remote}, project);
    }
  }

  std::string other() const { return other_.path().string(); }
  std::string branches_pushed_from(const std::string& project) {
    return user_.git({"branch", "--list", "--format=%(refname:short)"},
                     outside_.path().string() + project + ".git");
  }
  Ended run_other() {
    const std::string file = other_.write("p.yaml",
                                          std::string("version: 1\nname: p\nengine: host\n") +
                                              "tasks: {a: {run: echo other > kept.txt}}\n");
    return user_.run_pipe({"run", file, "--name", "other"}, other());
  }

  TempFolder other_;
};

TEST_F(LatestRun, IsOfTheRepositoryThatTheUserIsIn) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  ASSERT_EQ(run_other().exit_code, 0);
  const Ended pushed = pipe({"push"});
  EXPECT_EQ(pushed.exit_code, 0) << pushed.err;
  EXPECT_EQ(branches_pushed_from(folder()), "pipe/p/r");
  EXPECT_EQ(branches_pushed_from(other()), "");
  EXPECT_THAT(pipe({"diff", "--stat"}).out, HasSubstr("new file.txt"));
  EXPECT_THAT(pipe({"show"}).out, HasSubstr("third"));
  EXPECT_EQ(pipe({"undo", "latest"}).exit_code, 0);
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");
  EXPECT_NE(user_.git({"branch", "--list", "pipe/*"}, other()), "");

  std::filesystem::create_directories(other_.path() / "deep/down");
  EXPECT_EQ(user_.run_pipe({"undo", "latest"}, other() + "/deep/down").exit_code, 0);
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, other()), "");
}

TEST_F(LatestRun, OfAProjectWithoutRunsIsNotGuessed) {
  ASSERT_EQ(run_other().exit_code, 0);
  folder_.write("plan.md", "- [ ] box\n");
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{"push"},
                                             {"undo", "latest"},
                                             {"resume"},
                                             {"approve", "latest"},
                                             {"reject", "latest"},
                                             {"report", "--markdown", "plan.md"},
                                             {"run", "--continue", "latest", "--prompt", "more"},
                                             {"stop", "latest"},
                                             {"clean", "latest"}}) {
    const Ended refused = pipe(command);
    EXPECT_EQ(refused.exit_code, 2) << command.front();
    EXPECT_THAT(refused.err,
                AllOf(HasSubstr("no run is one of '" + folder() + "'"), HasSubstr("`pipe ls`")))
        << command.front();
  }
  EXPECT_NE(user_.git({"branch", "--list", "pipe/*"}, other()), "");
  // To look is harmless: it says whose it is.
  const Ended shown = pipe({"show"});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.err, HasSubstr("'other' is a run of '" + other() + "', which you are not in"));
}

TEST_F(LatestRun, OfAnotherProjectIsNotStoppedWithoutItsName) {
  other_.write("sleeps.yaml",
               "version: 1\nname: sleeps\nengine: host\ntasks:\n  a: {run: sleep 300}\n");
  ASSERT_EQ(
      user_.run_pipe({"run", "sleeps.yaml", "--detach", "--name", "asleep"}, other()).exit_code, 0);
  ASSERT_TRUE(eventually([&] { return pipe({"ls"}).out.find("running") != std::string::npos; }));

  const Ended here = pipe({"stop"});
  EXPECT_EQ(here.exit_code, 0);
  EXPECT_THAT(here.err,
              HasSubstr("nothing of '" + folder() + "' is running; of other projects: asleep"));
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("running"));
  EXPECT_THAT(user_.run_pipe({"stop"}, other()).out, HasSubstr("stopped asleep"));
}

TEST_F(LatestRun, OfARepositoryIsNotMeantFromAbove) {
  ASSERT_EQ(run_other().exit_code, 0);
  const std::string above = other_.path().parent_path().string();
  EXPECT_EQ(user_.run_pipe({"undo", "latest"}, above).exit_code, 2);
  EXPECT_EQ(user_.run_pipe({"undo", "other"}, above).exit_code, 0);
}

TEST_F(LatestRun, OfAnotherProjectIsTakenByItsNameAndTold) {
  ASSERT_EQ(run_other().exit_code, 0);
  const Ended pushed = pipe({"push", "other"});
  EXPECT_EQ(pushed.exit_code, 0) << pushed.err;
  EXPECT_THAT(pushed.err, HasSubstr("'other' is a run of '" + other() + "', which you are not in"));
  EXPECT_EQ(branches_pushed_from(other()), "pipe/p/other");
  EXPECT_THAT(user_.run_pipe({"push", "other"}, other()).err, Not(HasSubstr("not in")));
}

TEST_F(LatestRun, OfAFolderWithoutRepositoryIsMeantInAndAboveIt) {
  const TempFolder plain;
  plain.write("project/kept.txt", "one\n");
  const std::string file = plain.write("p.yaml",
                                       "version: 1\nname: p\nengine: host\n"
                                       "workspace: {source: project}\n"
                                       "tasks: {a: {run: echo two > kept.txt}}\n");
  const std::string above = plain.path().string();
  ASSERT_EQ(user_.run_pipe({"run", file, "--name", "plain"}, above).exit_code, 0);
  ASSERT_EQ(run_other().exit_code, 0);
  EXPECT_THAT(user_.run_pipe({"show", "--json"}, above).out, HasSubstr("\"plain\""));
  EXPECT_EQ(user_.run_pipe({"undo", "latest"}, above + "/project").exit_code, 0);
  EXPECT_EQ(read_text(plain.path() / "project/kept.txt"), "one\n");
}

}  // namespace
}  // namespace e2e
