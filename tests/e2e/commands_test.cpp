// Every command of the binary on a small finished run: what it prints where, and its exit code.

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

const char* const kTwoTasks = R"yaml(version: 1
name: two
engine: host
tasks:
  first:
    run: |
      echo to stdout
      echo to stderr >&2
      echo one > one.txt
    success_criteria:
      - "[ ] One is one": test "$(cat one.txt)" = one
  second:
    needs: [first]
    run: cat one.txt
    success_criteria:
      - "[ ] It is still there": test -s one.txt
)yaml";

class Command : public testing::Test {
 protected:
  Command() { folder_.write("two.yaml", kTwoTasks); }

  Ended pipe(const std::vector<std::string>& arguments) {
    return user_.run_pipe(arguments, folder_.path().string());
  }
  /// `pipe run two.yaml --name finished`; it must pass.
  void finish_a_run() {
    const Ended ended = pipe({"run", "two.yaml", "--name", "finished"});
    ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  }

  TempFolder folder_;
  User user_;
};

// ---- exit codes --------------------------------------------------------------------------------

TEST_F(Command, WithoutOneShowsTheHelpPage) {
  const Ended ended = pipe({});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.out, pipe({"--help"}).out);
}

TEST_F(Command, HelpIsAResultAndFitsAScreen) {
  const Ended ended = pipe({"--help"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_EQ(ended.err, "");
  EXPECT_LT(std::count(ended.out.begin(), ended.out.end(), '\n'), 60);
}

TEST_F(Command, UnknownOneIsAMistakeOfUsage) {
  const Ended ended = pipe({"rnu", "two.yaml"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_EQ(ended.out, "");
  EXPECT_THAT(ended.err, HasSubstr("rnu"));
}

TEST_F(Command, RunThatFailsEndsWithOneAndShowsTheEmptyBox) {
  folder_.write("fails.yaml",
                "version: 1\nname: fails\nengine: host\ntasks:\n  a:\n    run: echo ok\n"
                "    success_criteria:\n      - \"[ ] The moon is cheese\": echo no moon; exit 7\n"
                "  b: {run: 'touch never', needs: [a]}\n");
  const Ended ended = pipe({"run", "fails.yaml"});
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.out,
              AllOf(HasSubstr("[ ] The moon is cheese"),
                    HasSubstr("exit 7"),
                    HasSubstr("no moon"),
                    HasSubstr("skipped")));
  EXPECT_FALSE(fs::exists(folder_.path() / "never"));
}

TEST_F(Command, UnknownRunIsNamedWithWhereToLook) {
  finish_a_run();
  for (const char* verb : {"show", "logs", "resume", "stop", "attach"}) {
    const Ended ended = pipe({verb, "nobody"});
    EXPECT_EQ(ended.exit_code, 2) << verb << ended.err;
    EXPECT_THAT(ended.err, AllOf(HasSubstr("'nobody'"), HasSubstr("pipe ls"))) << verb;
  }
}

// ---- plans -------------------------------------------------------------------------------------

TEST_F(Command, ValidateIsQuietlyHappy) {
  const Ended ended = pipe({"validate", "two.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
}

TEST_F(Command, PlanShowsTasksEngineAndCriteria) {
  const Ended ended = pipe({"plan", "two.yaml"});
  EXPECT_EQ(ended.exit_code, 0);
  EXPECT_THAT(
      ended.out,
      AllOf(HasSubstr("first"), HasSubstr("second"), HasSubstr("One is one"), HasSubstr("host")));
}

TEST_F(Command, PlanAsJsonIsThePlan) {
  const Ended ended = pipe({"plan", "two.yaml", "--json"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  const json plan = json::parse(ended.out);
  EXPECT_EQ(plan.at("name"), "two");
  EXPECT_EQ(plan.at("nodes").size(), 3U) << "two tasks and the gate of the one phase";
}

TEST_F(Command, GraphIsDotAndMermaidAndSvg) {
  EXPECT_THAT(pipe({"graph", "two.yaml"}).out, HasSubstr("digraph"));
  EXPECT_THAT(pipe({"graph", "two.yaml", "--format", "mermaid"}).out, HasSubstr("flowchart"));
  EXPECT_THAT(pipe({"graph", "two.yaml", "--format", "svg"}).out, HasSubstr("<svg"));
}

// ---- runs --------------------------------------------------------------------------------------

TEST_F(Command, ListOfRunsIsEmptyAtFirst) {
  const Ended ended = pipe({"ls", "--json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(json::parse(ended.out), json::object({{"runs", json::array()}}));
}

TEST_F(Command, ListOfRunsHasTheFinishedOne) {
  finish_a_run();
  EXPECT_THAT(pipe({"ls"}).out, AllOf(HasSubstr("finished"), HasSubstr("passed")));
  const json runs = json::parse(pipe({"ls", "--json"}).out).at("runs");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].at("run"), "finished");
}

TEST_F(Command, ShowIsTheChecklist) {
  finish_a_run();
  const Ended ended = pipe({"show", "finished"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("[x] One is one"), HasSubstr("[x] It is still there")));
  EXPECT_FALSE(json::parse(pipe({"show", "finished", "--json"}).out).empty());
}

TEST_F(Command, LogsHaveBothStreamsOfOneTaskOrOfAll) {
  finish_a_run();
  const Ended one = pipe({"logs", "finished", "first"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(one.out, "to stdout\nto stderr\n");
  EXPECT_EQ(pipe({"logs", "finished", "first", "-n", "1"}).out, "to stderr\n");
  const Ended all = pipe({"logs", "finished"});
  EXPECT_THAT(all.out, AllOf(HasSubstr("to stdout"), HasSubstr("second"), HasSubstr("one")));
}

TEST_F(Command, LogsAreJsonLineByLine) {
  folder_.write("two.yaml",
                "version: 1\nname: two\nengine: host\ntasks:\n  a:\n"
                "    run: printf 'one\\n\\377\"'\n"
                "    success_criteria: [{'[ ] seen': echo check}]\n");
  finish_a_run();
  const Ended ended = pipe({"logs", "finished", "a", "--json"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::vector<json> lines;
  std::istringstream text(ended.out);
  for (std::string line; std::getline(text, line);) {
    lines.push_back(json::parse(line));
  }
  EXPECT_EQ(lines,
            (std::vector<json>{
                {{"node", "a"}, {"attempt", 1}, {"job", nullptr}, {"text", "one"}},
                {{"node", "a"}, {"attempt", 1}, {"job", nullptr}, {"text", "\uFFFD\""}},
                {{"node", "a"}, {"attempt", 1}, {"job", "criterion 1"}, {"text", "check"}}}));
}

TEST_F(Command, LogsOfAnUnknownTaskNameTheNearest) {
  finish_a_run();
  const Ended ended = pipe({"logs", "finished", "frist"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("'first'"));
}

TEST_F(Command, FollowedLogsEndWithTheRun) {
  const std::string gate = (folder_.path() / "gate").string();
  folder_.write("waits.yaml",
                "version: 1\nname: waits\nengine: host\ntasks:\n  a:\n    run: |\n"
                "      echo before the gate\n"
                "      until [ -e " +
                    gate +
                    " ]; do sleep 0.05; done\n"
                    "      echo behind the gate\n");
  const std::string folder = folder_.path().string();
  Running runner(user_.pipe({"run", "waits.yaml", "--name", "waits"}, folder));
  ASSERT_TRUE(eventually([&] {
    return pipe({"logs", "waits", "a"}).out.find("before the gate") != std::string::npos;
  }));
  Running follower(user_.pipe({"logs", "-f", "waits", "a"}, folder));
  Running watcher(user_.pipe({"attach", "waits"}, folder));
  ASSERT_TRUE(eventually(
      [&] { return follower.out_so_far().find("before the gate") != std::string::npos; }));
  EXPECT_FALSE(follower.has_ended());
  std::ofstream(gate) << "open";
  EXPECT_EQ(runner.wait(std::chrono::seconds(30)).exit_code, 0);
  EXPECT_EQ(follower.wait(std::chrono::seconds(30)).out, "before the gate\nbehind the gate\n");
  EXPECT_EQ(watcher.wait(std::chrono::seconds(30)).exit_code, 0);
}

TEST_F(Command, ResumeOfAFinishedRunIsRefused) {
  finish_a_run();
  const Ended ended = pipe({"resume", "finished"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("finished"));
}

TEST_F(Command, SecondRunTakesWhatItCanFromTheStoreAndSaysWhy) {
  finish_a_run();
  fs::remove(folder_.path() / "one.txt");
  const Ended again = pipe({"run", "two.yaml"});
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("from cache (run finished)"));
  EXPECT_EQ(read_text(folder_.path() / "one.txt"), "one\n");
  fs::remove(folder_.path() / "one.txt");
  EXPECT_THAT(pipe({"run", "two.yaml", "--no-cache"}).out, Not(HasSubstr("from cache")));
}

TEST_F(Command, LogsOfWhatWasTakenAreInTheRunThatMadeIt) {
  finish_a_run();
  fs::remove(folder_.path() / "one.txt");
  ASSERT_EQ(pipe({"run", "two.yaml", "-n", "again"}).exit_code, 0);
  const Ended one = pipe({"logs", "again", "first"});
  EXPECT_EQ(one.exit_code, 0);
  EXPECT_EQ(one.out, "");
  EXPECT_EQ(one.err, "note: 'first' was taken from run finished: `pipe logs finished 'first'`\n");
  EXPECT_EQ(pipe({"logs", "again"}).err,
            "note: 'first', 'second' were taken from run finished: `pipe logs finished`\n");
  const json nodes = json::parse(pipe({"show", "again", "--json"}).out).at("nodes");
  for (const json& node : nodes) {
    for (const json& criterion : node.at("criteria")) {
      EXPECT_TRUE(criterion.at("log").is_null()) << criterion;
    }
  }
  ASSERT_EQ(pipe({"clean", "finished"}).exit_code, 0);
  EXPECT_THAT(pipe({"logs", "again", "first"}).err, HasSubstr("which is not there any more"));
}

TEST_F(Command, APlanThatMustBeApprovedSaysWhereItAsksForThat) {
  folder_.write("asks.yaml",
                "version: 1\nname: asks\nengine: host\nrequire_approval: true\n"
                "tasks:\n  a: {run: 'true', success_criteria: ['[ ] ok': 'true']}\n");
  const Ended ended = pipe({"run", "asks.yaml"});
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("asks.yaml:4:19: 'asks' runs only from an approved plan"));
}

TEST_F(Command, NameOfARunIsTakenOnce) {
  finish_a_run();
  const Ended again = pipe({"run", "two.yaml", "--name", "finished"});
  EXPECT_EQ(again.exit_code, 2) << again.out;
  EXPECT_THAT(again.err, HasSubstr("'finished'"));
}

TEST_F(Command, CleanRemovesTheRunAndItsFolder) {
  finish_a_run();
  ASSERT_TRUE(fs::exists(user_.state() + "/runs/finished"));
  const json cleaned = json::parse(pipe({"clean", "finished", "--json"}).out);
  EXPECT_EQ(cleaned["removed"], json({{{"run", "finished"}}}));
  EXPECT_GT(cleaned["freed_bytes"], 0);
  EXPECT_FALSE(fs::exists(user_.state() + "/runs/finished"));
  EXPECT_EQ(pipe({"show", "finished"}).exit_code, 2);
}

// The host engine isolates nothing: its task plays a user who changes the same file meanwhile.
TEST_F(Command, ResultThatTheFolderCannotTakeIsKeptUntilItCan) {
  const std::string shared = (folder_.path() / "shared").string();
  folder_.write("race.yaml",
                "version: 1\nname: race\nengine: host\ntasks:\n  a:\n"
                "    run: 'echo work > shared; echo user > " +
                    shared + "'\n    success_criteria: ['[ ] made': test -s shared]\n");
  const Ended ended = pipe({"run", "race.yaml", "-n", "race"});
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("[x] made"), HasSubstr("passed, not delivered")));
  EXPECT_THAT(ended.err, HasSubstr("out of the way, then `pipe resume race` tries again"));
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("undelivered"));
  EXPECT_THAT(pipe({"show", "race"}).out, HasSubstr("next: pipe resume race"));
  EXPECT_EQ(pipe({"attach", "race"}).exit_code, 3);
  EXPECT_THAT(pipe({"clean"}).err, HasSubstr("kept 1 run that can go on"));

  fs::remove(shared);
  EXPECT_EQ(pipe({"resume", "race"}).exit_code, 0);
  EXPECT_EQ(read_text(shared), "work\n");
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("passed"));
}

TEST_F(Command, MissingWorkspaceIsToldWithItsPlaceInTheFile) {
  folder_.write("lost.yaml",
                "version: 1\nname: lost\nengine: host\nworkspace: {source: ./nowhere}\n"
                "tasks:\n  a: {run: 'true', success_criteria: ['[ ] ok': 'true']}\n");
  const Ended ended = pipe({"run", "lost.yaml"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("lost.yaml:4:21: workspace: "), HasSubstr("help: ")));
}

TEST_F(Command, EveryImageThatCannotBeHadIsToldWithItsPlace) {
  folder_.write("images.yaml",
                "version: 1\nname: images\nengine: sandbox\ntasks:\n"
                "  a: {run: 'true', image: {rootfs: ./first}}\n"
                "  b: {run: 'true', image: {rootfs: ./second}}\n"
                "  c: {run: 'true', image: {rootfs: ./second}}\n");
  const Ended ended = pipe({"run", "images.yaml"});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err,
              AllOf(ContainsRegex("images.yaml:5:3: [^\n]*first"),
                    ContainsRegex("images.yaml:6:3: [^\n]*second"),
                    Not(HasSubstr("error: images.yaml:7"))));
}

TEST_F(Command, FileThatALinkLeadsToIsOutOfATasksReach) {
  folder_.write("pipelines/real.yaml",
                "version: 1\nname: real\nengine: sandbox\ntasks:\n"
                "  a: {run: 'echo tasks > pipelines/real.yaml'}\n");
  fs::create_symlink("pipelines/real.yaml", folder_.path() / "ci.yaml");
  const Ended ended = pipe({"run", "ci.yaml", "-n", "link"});
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(pipe({"logs", "link"}).out, HasSubstr("Read-only file system"));
}

TEST_F(Command, ProtectedNameThatMatchesNothingIsAWarning) {
  folder_.write("typo.yaml",
                "version: 1\nname: typo\nengine: host\n"
                "workspace: {protect: [tset/, typo.yaml, '*.yaml']}\n"
                "tasks:\n  a: {run: 'true', success_criteria: ['[ ] ok': 'true']}\n");
  const Ended ended = pipe({"run", "typo.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("warning: 'tset/' is protected, and the run begins with no"));
  EXPECT_THAT(ended.err, HasSubstr("engine host (no isolation)"));
  EXPECT_EQ(ended.err.find("'*.yaml' is protected"), std::string::npos);
}

TEST_F(Command, ResultThatCannotBeWrittenIsNoSuccess) {
  const Ended ended = run({{"/bin/sh", "-c", "exec \"$0\" plan two.yaml > /dev/full", PIPE_BINARY},
                           folder_.path().string(),
                           {}});
  EXPECT_EQ(ended.exit_code, 3);
  EXPECT_THAT(ended.err, HasSubstr("No space left"));
}

TEST_F(Command, FinishedRunLeavesNoWorkingCopies) {
  finish_a_run();
  const fs::path work = user_.state() + "/runs/finished/work";
  EXPECT_TRUE(!fs::exists(work) || fs::is_empty(work));
}

TEST_F(Command, DetachedRunGoesOnAloneUntilAllAreStopped) {
  folder_.write("sleeps.yaml",
                "version: 1\nname: sleeps\nengine: host\ntasks:\n  a: {run: sleep 300}\n");
  const Ended started = pipe({"run", "sleeps.yaml", "--detach", "--name", "alone", "--json"});
  ASSERT_EQ(started.exit_code, 0) << started.err;
  EXPECT_EQ(started.out, "{\"run\":\"alone\"}\n");
  EXPECT_TRUE(eventually([&] { return pipe({"ls"}).out.find("running") != std::string::npos; }));
  EXPECT_EQ(pipe({"clean", "alone"}).exit_code, 2);
  EXPECT_EQ(pipe({"stop", "--all", "--json"}).out,
            "{\"runs\":[{\"run\":\"alone\",\"stopped\":true,\"problem\":null}]}\n");
  EXPECT_TRUE(eventually([&] {
    return pipe({"show", "alone"}).out.find("interrupted") != std::string::npos;
  }));
}

TEST_F(Command, ApprovalStopsTheRunUntilAPersonHasSpoken) {
  folder_.write("asks.yaml",
                "version: 1\nname: asks\nengine: host\ntasks:\n  a: {run: echo a > a.txt}\n"
                "  yes: {approval: 'Is it good?', needs: [a]}\n"
                "  b: {run: echo b > b.txt, needs: [yes]}\n");
  const Ended asked = pipe({"run", "asks.yaml", "--name", "asks"});
  EXPECT_EQ(asked.exit_code, 4) << asked.err;
  EXPECT_THAT(asked.out, HasSubstr("pipe approve asks yes"));
  EXPECT_FALSE(fs::exists(folder_.path() / "a.txt"));
  EXPECT_THAT(pipe({"approve", "asks", "yes", "--criterion", "9"}).err,
              HasSubstr("criterion 9 of 'yes' asks nothing"));
  EXPECT_EQ(pipe({"approve", "asks", "yes", "--json"}).out,
            "{\"run\":\"asks\",\"task\":\"yes\",\"answer\":\"approved\",\"answered\":1,"
            "\"left\":0,\"again\":[],\"failed\":false}\n");
  EXPECT_EQ(pipe({"resume", "asks"}).exit_code, 0);
  EXPECT_EQ(read_text(folder_.path() / "b.txt"), "b\n");
}

// ---- the machine -------------------------------------------------------------------------------

TEST_F(Command, ConfigTellsEveryKeyAndWhereItComesFrom) {
  const Ended ended = pipe({"config"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr(user_.state()), HasSubstr("PIPE_STATE")));
  EXPECT_TRUE(json::parse(pipe({"config", "--json"}).out).is_object());
}

TEST_F(Command, DoctorSaysWhichEnginesThereAre) {
  const Ended ended = pipe({"doctor"});
  EXPECT_THAT(ended.out, AllOf(HasSubstr("sandbox"), HasSubstr("docker"), HasSubstr("podman")));
}

TEST_F(Command, DoctorLeavesNothingRunningForAnOrdinaryUser) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "only root can become uid 1000";
  }
  Start start = user_.pipe({"doctor"}, folder_.path().string());
  start.env["XDG_RUNTIME_DIR"] = user_.home();  // where Podman notes whom it left
  ASSERT_EQ(
      run({{"chown", "-R", "1000:1000", user_.home(), folder_.path().string()}, "", {}}).exit_code,
      0);
  start.argv.insert(start.argv.begin(),
                    {"setpriv", "--reuid", "1000", "--regid", "1000", "--clear-groups"});

  if (Start there{start}; there.argv.back() = "--version", run(there).exit_code != 0) {
    GTEST_SKIP() << "uid 1000 cannot reach '" << PIPE_BINARY << "'";
  }

  // Whoever is left without a parent is ours then.
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
  const Ended ended = run(start);
  pid_t left = 0;
  do {
    left = ::waitpid(-1, nullptr, WNOHANG);
  } while (left > 0);  // has ended
  const int reason = errno;
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);

  EXPECT_THAT(ended.out, HasSubstr("podman"));
  EXPECT_TRUE(left == -1 && reason == ECHILD);
}

TEST_F(Command, CompletionIsAScriptThatBashTakes) {
  const Ended ended = pipe({"completion", "bash"});
  ASSERT_EQ(ended.exit_code, 0) << ended.err;
  folder_.write("completion.bash", ended.out);
  EXPECT_EQ(run({{"bash", "-n", "completion.bash"}, folder_.path().string(), {}}).exit_code, 0);
}

TEST_F(Command, JsonOfARunIsEventsAlone) {
  const Ended ended = pipe({"run", "two.yaml", "--json", "-n", "told"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::istringstream lines(ended.out);
  std::size_t events = 0;
  for (std::string line; std::getline(lines, line); ++events) {
    EXPECT_TRUE(json::accept(line)) << line;
  }
  EXPECT_GT(events, 8U);
  EXPECT_EQ(pipe({"attach", "told", "--json"}).out, ended.out) << "also when it is over";
}

TEST_F(Command, OutputIsPlainTextWhereNoTerminalIs) {
  finish_a_run();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"show", "finished"}, {"ls"}, {"plan", "two.yaml"}, {"doctor"}}) {
    const Ended ended = pipe(arguments);
    EXPECT_THAT(ended.out + ended.err, Not(HasSubstr("\x1b"))) << arguments.front();
  }
}

}  // namespace
}  // namespace e2e
