// What a run does with a repository, and what a user sees of it. Engine host: nothing but git is
// needed.

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- diff --------------------------------------------------------------------------------------

TEST_F(GitRun, DiffTellsCommitAfterCommit) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended all = pipe({"diff", "r"});
  EXPECT_EQ(all.exit_code, 0) << all.err;
  EXPECT_THAT(all.out,
              AllOf(HasSubstr("(first)"),
                    HasSubstr("-two\n+2\n"),
                    HasSubstr("(second)"),
                    HasSubstr("+++ b/new file.txt\n@@ -0,0 +1 @@\n+a^Mb\n")));
  EXPECT_LT(all.out.find("(first)"), all.out.find("(second)"));

  const Ended one = pipe({"diff", "r", "second"});
  EXPECT_THAT(one.out, AllOf(HasSubstr("new file.txt"), Not(HasSubstr("kept.txt"))));
  const Ended none = pipe({"diff", "r", "third"});
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("changed nothing"));
}

TEST_F(GitRun, DiffSumsUpAndSpeaksJson) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended stat = pipe({"diff", "r", "first", "--stat"});
  EXPECT_THAT(stat.out,
              HasSubstr(" kept.txt |   2 +-\n 1 file changed, 1 insertion(+), 1 deletion(-)\n"));
  const json document = json::parse(pipe({"diff", "r", "--json"}).out);
  EXPECT_EQ(document["run"], "r");
  ASSERT_EQ(document["commits"].size(), 2U);
  EXPECT_EQ(document["commits"][1]["task"], "second");
  EXPECT_EQ(
      document["commits"][1]["paths"],
      json::parse(R"([{"path": "new file.txt", "change": "added", "added": 1, "removed": 0}])"));
}

TEST_F(GitRun, DiffShowsWhatAFailedTaskLeft) {
  ASSERT_EQ(run(R"yaml(tasks:
  good: {run: echo good > good.txt}
  bad:
    run: echo bad > bad.txt
    success_criteria: ["[ ] It is good": "false"]
)yaml")
                .exit_code,
            1);
  const Ended of_run = pipe({"diff", "r"});
  EXPECT_THAT(of_run.out, AllOf(HasSubstr("good.txt"), Not(HasSubstr("bad.txt"))));
  const Ended of_task = pipe({"diff", "r", "bad"});
  EXPECT_THAT(of_task.out,
              AllOf(HasSubstr("+bad"), HasSubstr("not verified: what attempt 1 left")));
}

TEST_F(GitRun, DiffNamesTheNearestTask) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended ended = pipe({"diff", "r", "frist"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("first"));
}

TEST_F(GitRun, DiffObeysNoAttributeOfTheProject) {
  const std::string marker = outside_.path().string() + "/ran";
  user_.git({"config", "diff.evil.textconv", "touch " + marker + "; cat"}, folder());
  user_.git({"config", "diff.external", "touch " + marker}, folder());
  ASSERT_EQ(run(R"yaml(tasks:
  evil: {run: "echo '* diff=evil' > .gitattributes && echo 2 > kept.txt"}
)yaml")
                .exit_code,
            0);
  EXPECT_THAT(pipe({"diff", "r"}).out, HasSubstr("+2\n"));
  EXPECT_FALSE(std::filesystem::exists(marker));
}

// ---- commits -----------------------------------------------------------------------------------

TEST_F(GitRun, CommitsSayWhereTheyComeFrom) {
  ASSERT_EQ(run(R"yaml(git: {message: "feat(${task}): ${description} for ${pipeline}"}
tasks:
  api:
    description: Refresh tokens
    run: echo 2 > kept.txt
    success_criteria: [{"[ ] It is two": "grep -q 2 kept.txt"}, {"[ ] It is there": "test -s kept.txt"}]
)yaml")
                .exit_code,
            0);
  const std::string message = user_.git({"log", "-1", "--format=%B", "pipe/p/r"}, folder());
  EXPECT_THAT(message,
              AllOf(testing::StartsWith("feat(api): Refresh tokens for p\n\n"),
                    HasSubstr("\nPipe-Run: r\nPipe-Task: api\nPipe-Attempt: 1\nPipe-Plan: "),
                    HasSubstr("\nPipe-Criteria: 2 of 2 met")));
  EXPECT_EQ(user_.git({"log", "-1", "--format=%(trailers:key=Pipe-Task,valueonly)", "pipe/p/r"},
                      folder()),
            "api\n");
  EXPECT_THAT(pipe({"diff", "r"}).out,
              HasSubstr("commit " + user_.git({"rev-parse", "pipe/p/r"}, folder()) + "  (api)\n"));
}

TEST_F(GitRun, WhatWasNotVerifiedIsNoCommit) {
  ASSERT_EQ(run(R"yaml(tasks:
  twice:
    run: echo try >> tries.txt
    retry: {attempts: 2, feedback: criteria}
    success_criteria: [{"[ ] Two tries": "test $(wc -l < tries.txt) = 2"}]
  after: {needs: [twice], run: echo after > after.txt}
)yaml")
                .exit_code,
            0);
  EXPECT_EQ(user_.git({"rev-list", "--count", "main..pipe/p/r"}, folder()), "2");
  EXPECT_EQ(user_.git({"show", "pipe/p/r~1:tries.txt"}, folder()), "try\ntry");
  EXPECT_THAT(user_.git({"log", "-1", "--format=%B", "pipe/p/r~1"}, folder()),
              HasSubstr("Pipe-Attempt: 2"));
}

TEST_F(GitRun, HasTheMergesOfItsTasks) {
  ASSERT_EQ(run("tasks:\n  a: {run: echo a > a}\n  b: {run: echo b > b}\n").exit_code, 0);
  EXPECT_EQ(user_.git({"rev-list", "--count", "--no-merges", "main..pipe/p/r"}, folder()), "2");
  EXPECT_EQ(user_.git({"rev-list", "--count", "--merges", "main..pipe/p/r"}, folder()), "1");
  EXPECT_EQ(user_.git({"fsck", "--strict", "--no-dangling"}, folder()), "");
}

TEST_F(GitRun, ASubfolderGetsCommitsOfTheWholeRepository) {
  folder_.write("sub/file.txt", "1\n");
  user_.git({"add", "."}, folder());
  user_.git({"commit", "-qm", "second"}, folder());
  const std::string file =
      outside_.write("sub.yaml",
                     "version: 1\nname: p\nengine: host\nworkspace: {source: " + folder() +
                         "/sub}\ntasks: {a: {run: echo 2 > file.txt}}\n");
  ASSERT_EQ(pipe({"run", file, "--name", "r"}).exit_code, 0);
  EXPECT_EQ(user_.git({"show", "pipe/p/r:sub/file.txt"}, folder()), "2");
  EXPECT_EQ(user_.git({"rev-parse", "pipe/p/r^"}, folder()),
            user_.git({"rev-parse", "main"}, folder()));
  EXPECT_THAT(user_.git({"log", "-1", "--format=%B", "pipe/p/r"}, folder()),
              HasSubstr("Pipe-Task: a"));
}

TEST_F(GitRun, AMessageThatIsNoConventionalCommitIsFoundBeforeTheRun) {
  const Ended ended =
      run("git: {conventional: true, message: \"did ${task}\"}\ntasks: {a: {run: \"true\"}}\n");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("'did a' is no conventional commit"), HasSubstr("p.yaml:5")));
  ASSERT_EQ(run("git: {conventional: true}\ntasks: {a: {run: echo 1 > a}}\n").exit_code, 0);
  EXPECT_EQ(user_.git({"log", "-1", "--format=%s", "pipe/p/r"}, folder()),
            "chore(a): work of phase main");
}

TEST_F(GitRun, AProtectedBranchIsNeverWritten) {
  const std::string tasks = "tasks: {a: {run: echo 1 > a}}\n";
  const Ended all = run("git: {protected: [main, \"pipe/**\"]}\n" + tasks);
  EXPECT_EQ(all.exit_code, 2);
  EXPECT_THAT(all.err, AllOf(HasSubstr("'pipe/**' protects"), HasSubstr("'pipe/p/RUN'")));
  const Ended one = run("git: {protected: [\"pipe/*/r\"]}\n" + tasks);
  EXPECT_EQ(one.exit_code, 3);
  EXPECT_THAT(one.err, HasSubstr("'pipe/p/r', which is protected by 'pipe/*/r'"));
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");
}

TEST_F(GitRun, ACommitCostsAllAttemptsOfItsTaskAlsoThoseThatAPersonSentBack) {
  outside_.write("paid.yaml", R"yaml(name: paid
inputs: {prompt: {type: string}}
run: |
  echo "$PIPE_ATTEMPT" >> kept.txt
  echo '{"type":"done","cost":0.1}'
agent:
  prompt: ${{ inputs.prompt }}
  stream:
    - {when: {/type: done}, take: {cost: /cost}, reason: done, ends: true}
)yaml");
  ASSERT_EQ(run(R"yaml(tasks:
  write:
    uses: ./paid.yaml
    with: {prompt: Write.}
    success_criteria: [{"[ ] Good": {manual: "Is it?"}}]
)yaml")
                .exit_code,
            4);
  ASSERT_EQ(pipe({"reject", "r", "--because", "shorter", "--resume"}).exit_code, 4);
  ASSERT_EQ(pipe({"approve", "r", "--resume"}).exit_code, 0);
  EXPECT_THAT(user_.git({"log", "-1", "--format=%B", "pipe/p/r"}, folder()),
              AllOf(HasSubstr("Pipe-Attempt: 2\n"), HasSubstr("Pipe-Cost: $0.2")));
}

// ---- hooks -------------------------------------------------------------------------------------

class Hooks : public GitRun {
 protected:
  /// `git ARGUMENTS` as the user would type it; its exit code.
  int try_git(std::vector<std::string> arguments) {
    try {
      user_.git(std::move(arguments), folder());
      return 0;
    } catch (const std::runtime_error& error) {
      said_ = error.what();
      return 1;
    }
  }
  std::string hook(const std::string& name) const { return ".git/hooks/" + name; }
  void write_hook(const std::string& name, const std::string& script) const {
    std::filesystem::permissions(folder_.write(hook(name), "#!/bin/sh\n" + script),
                                 std::filesystem::perms(0755));
  }
  std::string remote() const { return outside_.path().string() + "/remote.git"; }
  /// A remote to push to, and a pipeline that passes where there is a file `good`.
  std::string remote_and_check() {
    user_.git({"init", "-q", "--bare", remote()}, folder());
    user_.git({"remote", "add", "origin", remote()}, folder());
    return outside_.write(
        "check.yaml",
        pipeline_head() +
            "tasks: {a: {run: \"true\", success_criteria: [{\"[ ] b\": test -e good}]}}\n");
  }
  std::string said_;
};

TEST_F(Hooks, RefuseAMessageThatIsNoConventionalCommit) {
  const Ended installed = pipe({"hooks", "install"});
  ASSERT_EQ(installed.exit_code, 0) << installed.err;
  EXPECT_EQ(installed.out, "installed pre-commit\ninstalled commit-msg\n");
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "did things"}), 1);
  EXPECT_THAT(said_, HasSubstr("'did things' is no conventional commit"));
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "fix: do things"}), 0) << said_;
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "fixup! fix: do things"}), 0) << said_;
}

TEST_F(Hooks, AskGitleaksWhereItIsInstalled) {
  const std::string said = outside_.path().string() + "/gitleaks.log";
  std::filesystem::permissions(outside_.write("bin/gitleaks",
                                              "#!/bin/sh\necho \"$*\" >> " + said +
                                                  "\n! git diff --cached | grep -q SECRET\n"),
                               std::filesystem::perms(0755));
  ASSERT_EQ(pipe({"hooks", "install"}).exit_code, 0);
  const auto commit = [&](const std::string& message) {
    return e2e::run(
               {{"git", "-c", "user.name=Ada", "-c", "user.email=a@b", "commit", "-qam", message},
                folder(),
                {{"HOME", user_.home()},
                 {"PATH", outside_.path().string() + "/bin:" + std::getenv("PATH")}}})
        .exit_code;
  };
  folder_.write("kept.txt", "SECRET=1\n");
  EXPECT_NE(commit("fix: kept"), 0);
  folder_.write("kept.txt", "nothing to hide\n");
  EXPECT_EQ(commit("fix: kept"), 0);
  EXPECT_THAT(read_text(said), HasSubstr("protect --staged --redact"));
}

TEST_F(Hooks, KeepChainAndPutBackWhatWasThere) {
  const std::string marker = outside_.path().string() + "/ran";
  write_hook("commit-msg", "echo x >> " + marker + "\ngrep -q mine \"$1\"\n");
  const std::string before = read_text(folder_.path() / hook("commit-msg"));
  EXPECT_THAT(pipe({"hooks", "install"}).out,
              HasSubstr("installed commit-msg; the hook that was there"));
  EXPECT_EQ(pipe({"hooks", "install"}).exit_code, 0);  // again
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "fix: other"}), 1);
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "mine, all mine"}), 1);
  EXPECT_EQ(try_git({"commit", "-q", "--allow-empty", "-m", "fix: mine"}), 0) << said_;
  EXPECT_EQ(read_text(marker), "x\nx\nx\n");

  EXPECT_EQ(pipe({"hooks", "uninstall"}).exit_code, 0);
  EXPECT_EQ(read_text(folder_.path() / hook("commit-msg")), before);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / hook("pre-commit")));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / hook("commit-msg.before-pipe")));
}

TEST_F(Hooks, RunAPipelineBeforeAPush) {
  const std::string check = remote_and_check();
  ASSERT_EQ(pipe({"hooks", "install", "--pre-push", check}).exit_code, 0);
  EXPECT_EQ(try_git({"push", "-q", "origin", "main"}), 1);
  folder_.write("good", "");
  user_.git({"add", "good"}, folder());
  EXPECT_EQ(try_git({"commit", "-qm", "feat: be good"}), 0) << said_;
  EXPECT_EQ(try_git({"push", "-q", "origin", "main"}), 0) << said_;
}

// The hook judged HEAD, whatever was pushed (issue 5).
TEST_F(Hooks, JudgeWhatIsPushedAndNotWhatIsCheckedOut) {
  const std::string check = remote_and_check();
  user_.git({"branch", "bad"}, folder());
  folder_.write("good", "");
  user_.git({"add", "good"}, folder());
  user_.git({"commit", "-qm", "feat: be good"}, folder());
  user_.git({"branch", "fine"}, folder());
  user_.git({"tag", "-a", "v1", "-m", "one"}, folder());
  const std::string marker = outside_.path().string() + "/told";
  write_hook("pre-push", "cat > " + marker + "\n");
  ASSERT_EQ(pipe({"hooks", "install", "--pre-push", check}).exit_code, 0);

  EXPECT_NE(try_git({"push", "-q", "origin", "bad"}), 0) << "HEAD is good, this is not";
  EXPECT_THAT(read_text(marker), HasSubstr("refs/heads/bad")) << "the user's hook is told too";
  EXPECT_NE(try_git({"push", "-q", "origin", "main", "bad"}), 0);
  EXPECT_EQ(user_.git({"branch", "--list"}, remote()), "");
  EXPECT_EQ(try_git({"push", "-q", "origin", "main", "fine", "v1"}), 0) << said_;
  user_.git({"switch", "-q", "bad"}, folder());
  EXPECT_EQ(try_git({"push", "-q", "origin", "main:other"}), 0) << said_;
  EXPECT_EQ(try_git({"push", "-q", "origin", "--delete", "other"}), 0) << said_;
}

TEST_F(GitRun, StartsFromTheCommitThatIsNamed) {
  folder_.write("later.txt", "");
  user_.git({"add", "later.txt"}, folder());
  user_.git({"commit", "-qm", "later"}, folder());
  const std::string missing = "tasks: {a: {run: test ! -e later.txt}}\n";
  EXPECT_EQ(run(missing).exit_code, 1);
  const std::string file = outside_.path().string() + "/p.yaml";
  EXPECT_EQ(pipe({"run", file, "--commit", "HEAD~1", "--name", "s"}).exit_code, 0);
  EXPECT_THAT(pipe({"run", file, "--commit", "nowhere"}).err,
              HasSubstr("the repository has no commit 'nowhere'"));
  EXPECT_EQ(pipe({"run", file, "--commit", "HEAD~1", "--dirty"}).exit_code, 2);
}

TEST_F(Hooks, AreNotWrittenWhereOtherRepositoriesShareThem) {
  user_.git({"config", "core.hooksPath", outside_.path().string()}, folder());
  const Ended refused = pipe({"hooks", "install"});
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("core.hooksPath"), HasSubstr("git config")));
  const TempFolder none;
  EXPECT_EQ(user_.run_pipe({"hooks", "install"}, none.path().string()).exit_code, 3);
}

}  // namespace
}  // namespace e2e
