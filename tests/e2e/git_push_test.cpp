// What leaves this machine: to a bare repository, and to a `gh` that is a script of ours.

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
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

class Push : public GitRun {
 protected:
  Push() {
    user_.git({"init", "-q", "--bare", remote()}, folder());
    user_.git({"remote", "add", "origin", remote()}, folder());
    user_.env["PATH"] = path("bin") + ":" + std::getenv("PATH");
    write_program("gh",
                  "printf '%s\\n' \"$*\" >> " + path("gh.log") +
                      "\n"
                      "case \"$1 $2\" in\n"
                      "  'pr list') if [ -e " +
                      path("pr") +
                      " ]; then echo '[{\"url\": \"https://x.example/1\"}]'; else echo '[]'; fi;;\n"
                      "  'pr create') touch " +
                      path("pr") + "; echo https://x.example/1;;\nesac\n");
  }

  std::string path(const std::string& name) const { return (outside_.path() / name).string(); }
  std::string remote() const { return path("remote.git"); }
  void write_program(const std::string& name, const std::string& script) const {
    make_executable(outside_.write("bin/" + name, "#!/bin/sh\n" + script));
  }
  static void make_executable(const std::string& file) {
    std::filesystem::permissions(file, std::filesystem::perms(0755));
  }
  void write_hook(const std::string& script) const {
    make_executable(folder_.write(".git/hooks/pre-push", "#!/bin/sh\n" + script));
  }
  /// The first time, `git push` or `gh pr create` does it (or not) and kills the runner.
  void kill_runner_at(const std::string& program, const std::string& verb, bool after) const {
    const std::string real = program == "git" ? "/usr/bin/git" : path("bin/real-gh");
    if (program == "gh") {
      std::filesystem::rename(path("bin/gh"), real);
    }
    write_program(program,
                  "case \"$*\" in " + verb + "*)\n  if mkdir " + path("killed") +
                      " 2>/dev/null; then\n    " + (after ? real + " \"$@\"" : ":") +
                      "\n    kill -9 $PPID\n    exit 1\n  fi;;\nesac\nexec " + real + " \"$@\"\n");
  }
  std::string pushed() const {
    return user_.git({"branch", "--list", "--format=%(refname:short)"}, remote());
  }
  int pull_requests() const {
    const std::string log =
        std::filesystem::exists(path("gh.log")) ? read_text(path("gh.log")) : "";
    int count = 0;
    for (std::size_t at = log.find("pr create"); at != std::string::npos;
         at = log.find("pr create", at + 1)) {
      ++count;
    }
    return count;
  }

  const std::string kTask =
      "tasks:\n  a: {run: echo 1 > a, success_criteria: [{\"[ ] A is one\": grep -q 1 a}]}\n";
};

TEST_F(Push, HappensOnlyWhereItIsDeclared) {
  ASSERT_EQ(run(kTask).exit_code, 0);
  EXPECT_EQ(pushed(), "");
  EXPECT_EQ(pull_requests(), 0);
}

TEST_F(Push, TakesTheBranchAndOpensAPullRequestWithTheChecklist) {
  const Ended ended =
      run("description: Make A\ngit: {push: true, pull_request: {base: main, draft: true, labels: "
          "[bot]}}\n" +
          kTask);
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(pushed(), "pipe/p/r");
  EXPECT_EQ(user_.git({"rev-parse", "pipe/p/r"}, remote()),
            user_.git({"rev-parse", "pipe/p/r"}, folder()));
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("pushed to origin"), HasSubstr("pull request: https://x.example/1")));
  EXPECT_THAT(read_text(path("gh.log")),
              AllOf(HasSubstr("--head=pipe/p/r --title=Make A --body="),
                    HasSubstr("- [x] A is one"),
                    HasSubstr("--base=main --draft --label=bot")));
  const json shown = json::parse(pipe({"show", "r", "--json"}).out);
  EXPECT_EQ(shown["pushed"], "origin");
  EXPECT_EQ(shown["pull_request"], "https://x.example/1");
}

TEST_F(Push, NoPushAndNoPrAreObeyed) {
  const std::string head = "git: {push: true, pull_request: true}\n";
  ASSERT_EQ(run(head + kTask, {"--no-push"}).exit_code, 0);
  EXPECT_EQ(pushed(), "");
  ASSERT_EQ(pipe({"run", path("p.yaml"), "--name", "s", "--no-pr", "--no-cache"}).exit_code, 0);
  EXPECT_EQ(pushed(), "pipe/p/s");
  EXPECT_EQ(pull_requests(), 0);
}

TEST_F(Push, RunsTheRepositorysOwnHookAndSaysSo) {
  write_hook("touch " + path("hook-ran") + "\n");
  const Ended ended = run("git: {push: true}\n" + kTask, {"--progress", "plain"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_TRUE(std::filesystem::exists(path("hook-ran")));
  EXPECT_THAT(ended.err, HasSubstr(".git/hooks/pre-push"));
}

TEST_F(Push, ThatFailsKeepsTheResultAndIsTriedAgainByResume) {
  write_hook("echo 'tests are red' >&2\nexit 1\n");
  const Ended failed = run("git: {push: true}\n" + kTask);
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(failed.err, AllOf(HasSubstr("tests are red"), HasSubstr("pipe resume r")));
  EXPECT_EQ(pushed(), "");
  EXPECT_EQ(user_.git({"show", "pipe/p/r:a"}, folder()), "1");
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("undelivered"));
  EXPECT_THAT(pipe({"show", "r"}).out, HasSubstr("passed, not pushed"));

  write_hook("exit 0\n");
  const Ended resumed = pipe({"resume", "r"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(pushed(), "pipe/p/r");
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 2);  // it is over
}

TEST_F(Push, WhatWasNotVerifiedIsNotPushed) {
  write_hook("exit 1\n");
  ASSERT_EQ(run("git: {push: true}\n" + kTask).exit_code, 3);
  write_hook("exit 0\n");
  const std::string made = user_.git({"rev-parse", "pipe/p/r"}, folder());
  const std::string other =
      user_.git({"commit-tree", "-m", "other", "pipe/p/r^{tree}", "-p", "pipe/p/r"}, folder());
  user_.git({"update-ref", "refs/heads/pipe/p/r", other}, folder());

  const Ended resumed = pipe({"resume", "r"});

  EXPECT_EQ(resumed.exit_code, 3);
  EXPECT_THAT(resumed.err,
              AllOf(HasSubstr("'pipe/p/r' has changed since the run made it"),
                    HasSubstr("git branch -f pipe/p/r " + made.substr(0, 12))));
  EXPECT_THAT(pipe({"push", "r"}).err, HasSubstr("only what was verified is pushed"));
  EXPECT_EQ(pushed(), "");

  user_.git({"branch", "-f", "pipe/p/r", made}, folder());
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 0);
  EXPECT_EQ(pushed(), "pipe/p/r");
}

TEST_F(Push, TakesNoTagsAlong) {
  user_.git({"config", "push.followTags", "true"}, folder());
  user_.git({"tag", "-a", "-m", "mine", "v-private"}, folder());
  ASSERT_EQ(run("git: {push: true}\n" + kTask).exit_code, 0);
  EXPECT_EQ(user_.git({"tag", "--list"}, remote()), "");
}

TEST_F(Push, WhatItNeedsIsLookedForBeforeTheRun) {
  user_.git({"remote", "remove", "origin"}, folder());
  const Ended no_remote = run("git: {push: true}\n" + kTask);
  EXPECT_EQ(no_remote.exit_code, 3);
  EXPECT_THAT(no_remote.err, AllOf(HasSubstr("no remote 'origin'"), HasSubstr("--no-push")));
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");

  const TempFolder plain;
  const std::string file = outside_.write(
      "plain.yaml",
      "version: 1\nname: p\nengine: host\nworkspace: {source: " + plain.path().string() +
          "}\ngit: {push: true}\n" + kTask);
  const Ended no_repository = pipe({"run", file});
  EXPECT_EQ(no_repository.exit_code, 3);
  EXPECT_THAT(no_repository.err, HasSubstr("is no repository"));
}

TEST_F(Push, WithAPullRequestNeedsGhBeforeTheRun) {
  write_program("gh", "exit 127\n");
  const Ended ended = run("git: {push: true, pull_request: true}\n" + kTask);
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("gh"), HasSubstr("--no-pr")));
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");
}

TEST_F(Push, NeverOverwritesWhatTheRemoteHas) {
  // Somebody else's branch of that name, and a configuration that would force everything else.
  user_.git({"commit", "-q", "--allow-empty", "-m", "theirs"}, folder());
  user_.git({"push", "-q", "origin", "HEAD:refs/heads/pipe/p/r"}, folder());
  user_.git({"reset", "-q", "--hard", "HEAD~1"}, folder());
  user_.git({"config", "remote.origin.push", "+refs/heads/*:refs/heads/*"}, folder());
  const std::string theirs = user_.git({"rev-parse", "pipe/p/r"}, remote());
  const Ended refused = run("git: {push: true}\n" + kTask);
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("other commits, which pipe never overwrites"),
                    HasSubstr("git push origin --delete pipe/p/r"),
                    HasSubstr("pipe resume r")));
  EXPECT_EQ(user_.git({"rev-parse", "pipe/p/r"}, remote()), theirs);
  EXPECT_EQ(user_.git({"show", "pipe/p/r:a"}, folder()), "1");

  user_.git({"push", "-q", "origin", "--delete", "pipe/p/r"}, folder());
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 0);
  EXPECT_EQ(user_.git({"rev-parse", "pipe/p/r"}, remote()),
            user_.git({"rev-parse", "pipe/p/r"}, folder()));
}

TEST_F(Push, ToARemoteThatMovedLosesNothing) {
  std::filesystem::rename(remote(), path("elsewhere.git"));
  const Ended failed = run("git: {push: true}\n" + kTask);
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_THAT(failed.err,
              AllOf(HasSubstr("the branch was not pushed"),
                    HasSubstr("`git ls-remote origin` works"),
                    HasSubstr("the result is branch 'pipe/p/r'")));
  EXPECT_EQ(user_.git({"show", "pipe/p/r:a"}, folder()), "1");
  user_.git({"remote", "set-url", "origin", path("elsewhere.git")}, folder());
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 0);
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)"}, path("elsewhere.git")),
            "pipe/p/r");
}

TEST_F(Push, ThatIsStoppedLeavesNothingRunningAndIsTriedAgain) {
  write_hook("touch " + path("hook-runs") + "\nsleep 600\n");
  outside_.write("p.yaml", pipeline_head() + "git: {push: true}\n" + kTask);
  Running running(user_.pipe({"run", path("p.yaml"), "--name", "r"}, folder()));
  ASSERT_TRUE(eventually([&] { return std::filesystem::exists(path("hook-runs")); }));
  running.signal(SIGTERM);
  const Ended ended = running.wait(std::chrono::seconds(30));
  EXPECT_EQ(ended.exit_code, 143);
  EXPECT_THAT(ended.err, HasSubstr("`git push` was stopped"));
  EXPECT_TRUE(eventually([&] { return processes_with(path("hook-runs")).empty(); }));
  EXPECT_EQ(pushed(), "");
  write_hook("exit 0\n");
  EXPECT_EQ(pipe({"resume", "r"}).exit_code, 0);
  EXPECT_EQ(pushed(), "pipe/p/r");
}

TEST_F(Push, IsDoneOnceWhenTheRunnerIsKilledBeforeIt) {
  kill_runner_at("git", "push", false);
  EXPECT_EQ(run("git: {push: true, pull_request: true}\n" + kTask).exit_code, 137);
  EXPECT_EQ(pushed(), "");
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("undelivered"));
  const Ended resumed = pipe({"resume", "r"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(pushed(), "pipe/p/r");
  EXPECT_EQ(pull_requests(), 1);
}

TEST_F(Push, IsDoneOnceWhenTheRunnerIsKilledAfterIt) {
  kill_runner_at("git", "push", true);
  EXPECT_EQ(run("git: {push: true, pull_request: true}\n" + kTask).exit_code, 137);
  const Ended resumed = pipe({"resume", "r"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(pushed(), "pipe/p/r");
  EXPECT_EQ(user_.git({"rev-list", "--count", "pipe/p/r"}, remote()), "2");
  EXPECT_EQ(pull_requests(), 1);
}

TEST_F(Push, OpensOnePullRequestWhenTheRunnerIsKilledAfterIt) {
  kill_runner_at("gh", "'pr create'", true);
  EXPECT_EQ(run("git: {push: true, pull_request: true}\n" + kTask).exit_code, 137);
  const Ended resumed = pipe({"resume", "r"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(pull_requests(), 1);
  EXPECT_EQ(json::parse(pipe({"show", "r", "--json"}).out)["pull_request"], "https://x.example/1");
}

TEST_F(Push, CommandPushesWhatPassedAndNothingElse) {
  ASSERT_EQ(run(kTask).exit_code, 0);
  const Ended pushed_now = pipe({"push", "r", "--pull-request"});
  EXPECT_EQ(pushed_now.exit_code, 0) << pushed_now.err;
  EXPECT_EQ(pushed_now.out, "pushed 'pipe/p/r' to origin\npull request: https://x.example/1\n");
  EXPECT_EQ(pipe({"push", "r", "--pull-request"}).exit_code, 0);
  EXPECT_EQ(pull_requests(), 1);
  EXPECT_THAT(pipe({"show", "r"}).out, HasSubstr("pushed to origin"));

  outside_.write("fails.yaml", pipeline_head() + "tasks: {a: {run: \"false\"}}\n");
  EXPECT_EQ(pipe({"run", path("fails.yaml"), "--name", "f"}).exit_code, 1);
  const Ended refused = pipe({"push", "f"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("has not passed"));
}

}  // namespace
}  // namespace e2e
