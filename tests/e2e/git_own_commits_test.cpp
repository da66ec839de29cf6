// Commits that a task makes by itself, as a user sees them on the run's branch.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kCommitting = R"yaml(git: {commits: own, conventional: true}
tasks:
  agent:
    description: what the agent did
    run: |
      test "$(git status --porcelain)" = ''
      test "$(git log --format=%s)" = first
      sed -i s/two/2/ kept.txt
      git commit -qam 'fix: a number for two' -m 'It is shorter.'
      echo new > new.txt
      git add -A
      git -c user.name='An Agent' -c user.email=agent@example.org commit -qm 'feat: new'
      echo rest > rest.txt
    success_criteria:
      - "[ ] All of it is there": test -e new.txt && test -e rest.txt && ! test -e .git
  after:
    needs: [agent]
    run: test "$(git log --format=%s | head -n 1)" = first || echo after > after.txt
)yaml";

class GitOwnCommits : public GitRun {
 protected:
  std::string log(const std::string& format) {
    return user_.git({"log", "--reverse", "--format=" + format, "main..pipe/p/r"}, folder());
  }
};

TEST_F(GitOwnCommits, AreKeptWithTheRestOnTopAndTrailersOnEach) {
  const Ended ended = run(kCommitting);
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("%s"),
            "fix: a number for two\nfeat: new\nchore(agent): what the agent did\n"
            "chore(after): work of phase main");
  EXPECT_EQ(log("%an / %cn"), "pipe / pipe\nAn Agent / pipe\npipe / pipe\npipe / pipe");
  const std::string bodies = log("%B%x00");
  EXPECT_THAT(bodies, HasSubstr("It is shorter.\n\nPipe-Run: r\nPipe-Task: agent\n"));
  const std::string last = user_.git({"log", "-1", "--format=%B", "pipe/p/r~1"}, folder());
  EXPECT_THAT(last, AllOf(HasSubstr("Pipe-Criteria: 1 of 1 met"), HasSubstr("Pipe-Plan: ")));
  EXPECT_EQ(user_.git({"show", "pipe/p/r:rest.txt"}, folder()), "rest");
  EXPECT_THAT(user_.git({"fsck", "--no-dangling"}, folder()), Not(HasSubstr("error")));
  EXPECT_THAT(pipe({"diff", "r"}).out, AllOf(HasSubstr("fix: a number"), HasSubstr("feat: new")));
}

TEST_F(GitOwnCommits, OfAnAttemptThatFailedAreKeptAndItsRestIsNoCommit) {
  const Ended ended = run(R"yaml(git: {commits: own}
tasks:
  agent:
    retry: {attempts: 2, feedback: criteria}
    run: |
      echo "$PIPE_ATTEMPT" > "$PIPE_ATTEMPT.txt"
      git add -A
      git commit -qm "attempt $PIPE_ATTEMPT"
      echo rest > "rest $PIPE_ATTEMPT.txt"
    success_criteria: ["[ ] Twice": test -e 2.txt]
)yaml");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("%s"), "attempt 1\nattempt 2\nagent: work of phase main");
  EXPECT_EQ(user_.git({"show", "pipe/p/r:rest 1.txt"}, folder()), "rest");
}

TEST_F(GitOwnCommits, ThatAreNotConventionalAreOneAndThatIsTold) {
  const Ended ended = run(R"yaml(git: {commits: own, conventional: true}
tasks:
  agent: {run: "echo 2 > kept.txt && git commit -qam wip"}
)yaml");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("%s"), "chore(agent): work of phase main");
  EXPECT_THAT(ended.out + ended.err, HasSubstr("'wip' is no conventional commit"));
}

// What the last commit removed is in the one before it, for all who fetch the branch (issue 5).
TEST_F(GitOwnCommits, AreOneWhereAFileOfAnyHasASecret) {
  user_.env["TOKEN"] = "t0ken-of-the-user";
  const Ended ended = run(R"yaml(git: {commits: own}
secrets: {TOKEN: {expose: true}}
tasks:
  agent:
    run: |
      echo "$TOKEN" > leaked.txt
      git add -A
      git commit -qm "add it"
      git rm -q leaked.txt
      echo 2 > kept.txt
      git commit -qam "remove it"
)yaml");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("%s"), "agent: work of phase main");
  EXPECT_THAT(ended.out + ended.err,
              HasSubstr("'leaked.txt' of one of them has the value of a secret"));
  EXPECT_EQ(user_.git({"log", "--all", "--oneline", "-S", "t0ken-of-the-user"}, folder()), "");
}

TEST_F(GitOwnCommits, SayNoSecretInTheirMessages) {
  user_.env["TOKEN"] = "t0ken-of-the-user";
  const Ended ended = run(R"yaml(git: {commits: own}
secrets: {TOKEN: {expose: true}}
tasks:
  agent:
    run: |
      echo 2 > kept.txt
      git -c user.name="by $TOKEN" commit -qam "used $TOKEN here" -m "and t0ken-of$(printf '\\001')-the-user"
)yaml");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("%s"), "used *** here");
  EXPECT_THAT(log("%an %B"), testing::Not(HasSubstr("t0ken-of-the-user")));
}

TEST_F(GitOwnCommits, WithoutTheKeyThereIsNoRepository) {
  const Ended ended = run("tasks:\n  agent: {run: \"! test -e .git\"}\n");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
}

}  // namespace
}  // namespace e2e
