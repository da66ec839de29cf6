// What is the same failure again, and that nothing more is tried after it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/run/failure_mark.h"
#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(WithoutChance, LeavesOutWhatDiffersEachTime) {
  EXPECT_EQ(without_chance("at 2026-11-21T18:51:02.123Z: no"), "at <time> no");
  EXPECT_EQ(without_chance("2026-11-21 18:51:02 no"), "<time> <time> no");
  EXPECT_EQ(without_chance("FAIL (0.35s), 12 ms, 3 seconds"), "FAIL (<time>), <time>, <time>");
  EXPECT_EQ(without_chance("at 0x7ffd12ab90 in f"), "at <address> in f");
  EXPECT_EQ(without_chance("/root/state/jobs/a-1/src/main.c:12:3: no"), "main.c:12:3: no");
  EXPECT_EQ(without_chance("open /tmp/tmp.aB3x/out: no such file"), "open <path>: no such file");
  EXPECT_EQ(without_chance("\x1b[31mred\x1b[0m\r\n\n  text \n"), "red text");
}

TEST(WithoutChance, KeepsWhatTellsFailuresApart) {
  for (const char* const text : {"3 of 12 tests failed",
                                 "assertion failed: 1 != 2",
                                 "main.c:12:03: no",
                                 "exit 1",
                                 "0x1f",
                                 "/",
                                 "version 1.2.3",
                                 "http://localhost:8080/a/b"}) {
    EXPECT_EQ(without_chance(text), text);
  }
}

TEST(WithoutChance, TakesAnyBytes) {
  for (int first = 0; first < 256; ++first) {
    for (const char* const rest : {"", "[", "/", "0x", "12:", "\x1b"}) {
      const std::string text = std::string(1, static_cast<char>(first)) + rest;
      const std::string once = without_chance(text);
      EXPECT_LE(once.size(), text.size() + 8);
      EXPECT_EQ(without_chance(text + text), without_chance(text + text));
    }
  }
}

/// A task with feedback whose criterion says what the test tells it to, attempt by attempt.
struct Loop {
  RunHarness run{{task("a", {}, "work")}};
  std::vector<std::string> outputs;  // of the check; "" is met
  std::size_t checks = 0;

  explicit Loop(std::vector<std::string> outputs_in, int same_failure)
      : outputs(std::move(outputs_in)) {
    run.plan.nodes[0].retry.attempts = 10;
    run.plan.nodes[0].retry.feedback = true;
    run.plan.nodes[0].retry.same_failure = same_failure;
    run.plan.nodes[0].criteria = {run_criterion("the tests pass", "check")};
    run.engine.script = [this](const Job& job) {
      FakeEngine::Answer answer;
      if (job.argv.back() == "check") {
        const std::string& output = outputs.at(std::min(checks, outputs.size() - 1));
        ++checks;
        run.files.logs["a." + std::to_string(checks) + ".criterion-1.log"] = output;
        answer.end.how = JobEnd::How::Exited;
        answer.end.code = output.empty() ? 0 : 1;
      }
      return answer;
    };
    run.start();
    run.run_to_end();
  }
};

TEST(SameFailure, EndsTheLoopWithItsReason) {
  const Loop loop({"no (0.1s)", "no (0.2s)", "no (0.3s)"}, 3);
  EXPECT_EQ(loop.run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(loop.checks, 3U);
  EXPECT_THAT(loop.run.node("a").reason,
              HasSubstr("'the tests pass' has now failed 3 times in the same way"));
}

TEST(SameFailure, AnotherFailureInBetweenBeginsAnew) {
  const Loop loop({"no", "no", "nearly", "no", "no", "no"}, 3);
  EXPECT_EQ(loop.checks, 6U);
  EXPECT_EQ(loop.run.node("a").outcome, Outcome::Failed);
}

TEST(SameFailure, IsSwitchedOffWithZero) {
  const Loop loop({"no"}, 0);
  EXPECT_EQ(loop.checks, 10U);
  EXPECT_THAT(loop.run.node("a").reason, Not(HasSubstr("same way")));
}

TEST(SameFailure, APassOnTheLastAttemptIsAPass) {
  const Loop loop({"9", "8", "7", "6", "5", "4", "3", "2", "1", ""}, 3);
  EXPECT_EQ(loop.checks, 10U);
  EXPECT_EQ(loop.run.node("a").outcome, Outcome::Passed);
  const Loop after_two({"no", "no", ""}, 3);
  EXPECT_EQ(after_two.run.node("a").outcome, Outcome::Passed);
}

// `test …` and `grep -q` say nothing however much nearer the work has come.
TEST(SameFailure, ASilentCheckOfOtherWorkIsAnotherFailure) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].retry.attempts = 5;
  run.plan.nodes[0].retry.feedback = true;
  run.plan.nodes[0].retry.same_failure = 3;
  run.plan.nodes[0].criteria = {run_criterion("it has four lines", "check")};
  int attempts = 0;
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    answer.end.how = JobEnd::How::Exited;
    if (job.argv.back() == "work") {
      run.trees.written[job.name] = {
          {"lines", std::string(static_cast<std::size_t>(++attempts), 'x')}};
    } else {
      answer.end.code = attempts < 4 ? 1 : 0;
    }
    return answer;
  };
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed) << run.node("a").reason;
  EXPECT_EQ(attempts, 4);
}

TEST(SameFailure, AResumedRunStillCounts) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].retry.attempts = 10;
  run.plan.nodes[0].retry.feedback = true;
  run.plan.nodes[0].retry.same_failure = 3;
  run.plan.nodes[0].retry.backoff = {60'000};
  run.plan.nodes[0].criteria = {run_criterion("the tests pass", "check")};
  run.engine.script = [](const Job& job) {
    FakeEngine::Answer answer;
    answer.end.how = JobEnd::How::Exited;
    answer.end.code = job.argv.back() == "check" ? 1 : 0;
    return answer;
  };
  run.start();
  run.clock.advance({60'000});
  run.restart();
  run.run_to_end();
  EXPECT_EQ(run.node("a").attempt, 3);
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
}

}  // namespace
}  // namespace runner::test
