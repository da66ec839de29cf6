// Budgets of time: of a task, a phase, a run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::HasSubstr;

/// Jobs take what the test says, but no longer than their limit.
void take(RunHarness& run, std::int64_t ms) {
  run.engine.script = [ms](const Job& job) {
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{ms};
    if (job.timeout.ms > 0 && job.timeout.ms < ms) {
      answer.takes = job.timeout;
      answer.end.how = JobEnd::How::TimedOut;
    }
    answer.end.took = answer.takes;
    return answer;
  };
}

TEST(TimeBudget, StopsAnAttemptWhereItIsUsedUp) {
  RunHarness run({task("a", {}, "long")});
  run.plan.nodes[0].budget.time = dsl::Duration{60'000};
  run.plan.nodes[0].retry.attempts = 3;
  take(run, 100'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.engine.started.size(), 1U) << "another attempt has no time left";
  EXPECT_EQ(run.engine.started[0].timeout.ms, 60'000);
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("a").reason, HasSubstr("the task's budget of 1m of time is used up"));
  EXPECT_TRUE(ended_by_budget(*run.state));
}

TEST(TimeBudget, OfAllItemsEndsTheRunAsThatOfATask) {
  RunHarness run({task("a", {}, "long")});
  run.plan.nodes[0].for_each = "fromJSON('[1, 2]')";
  run.plan.nodes[0].budget.time = dsl::Duration{60'000};
  take(run, 100'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_TRUE(ended_by_budget(*run.state));
}

TEST(TimeBudget, HoldsForAllAttemptsAndNotForTheWaitsBetweenThem) {
  RunHarness run({task("a", {}, "flaky")});
  run.plan.nodes[0].budget.time = dsl::Duration{60'000};
  run.plan.nodes[0].retry.attempts = 3;
  run.plan.nodes[0].retry.backoff = {1'000'000};
  run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{25'000};
    answer.end.how = JobEnd::How::Exited;
    answer.end.code = 1;
    return answer;
  };
  run.start();
  run.run_to_end();
  ASSERT_EQ(run.engine.started.size(), 3U);
  EXPECT_EQ(run.engine.started[1].timeout.ms, 35'000);
  EXPECT_EQ(run.engine.started[2].timeout.ms, 10'000);
  EXPECT_FALSE(run.node("a").reason.empty());
}

TEST(TimeBudget, OfARunCountsOnceWhatRunsAtOnce) {
  RunHarness run({task("a", {}, "x"), task("b", {}, "x"), task("c", {0, 1}, "x")});
  run.plan.budget.time = dsl::Duration{100'000};
  take(run, 60'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("b").outcome, Outcome::Passed);
  EXPECT_EQ(run.engine.started.at(2).timeout.ms, 40'000);
  EXPECT_THAT(run.node("c").reason, HasSubstr("the run's budget"));
}

TEST(TimeBudget, OfAPhaseBoundsItsOwnTasksOnly) {
  RunHarness run({task("a", {}, "x"), task("b", {0}, "x")});
  run.plan.phases = {{"main", "", 0, {}}, {"next", "", 0, {}}};
  run.plan.phases[0].budget.time = dsl::Duration{50'000};
  run.plan.nodes[1].phase = "next";
  take(run, 40'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.engine.started.at(0).timeout.ms, 50'000);
  EXPECT_EQ(run.engine.started.at(1).timeout.ms, 0) << "nothing bounds it";
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(TimeBudget, TheShorterOfTimeoutAndBudgetHolds) {
  RunHarness run({task("a", {}, "x")});
  run.plan.nodes[0].budget.time = dsl::Duration{60'000};
  run.plan.nodes[0].timeout = dsl::Duration{10'000};
  take(run, 20'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.engine.started[0].timeout.ms, 10'000);
  EXPECT_FALSE(ended_by_budget(*run.state)) << "it was the timeout";
}

TEST(TimeBudget, WorkThatIsThroughIsStillChecked) {
  RunHarness run({task("a", {}, "x")});
  run.plan.nodes[0].budget.time = dsl::Duration{60'000};
  run.plan.nodes[0].criteria = {run_criterion("it is done", "check")};
  take(run, 60'000);
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
}

TEST(TimeBudget, WhatADeadRunnerSleptThroughCostsNothing) {
  RunHarness run({task("a", {}, "x"), task("b", {0}, "y")});
  run.plan.budget.time = dsl::Duration{100'000};
  take(run, 30'000);
  run.start();
  run.clock.advance({30'000});  // 'a' is through,
  run.clock.advance({10'000});  // 'b' is under way
  run.loop.reset();
  run.clock.advance({10'000'000});
  run.restart();
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.engine.started.back().timeout.ms, 70'000);
  EXPECT_EQ(run.state->took_ms(run.clock.wall_ms()), 60'000) << "nor is it told as time it took";
  EXPECT_EQ(run.state->took_ms(1, run.clock.wall_ms()), 30'000);
}

TEST(TimeBudget, NeitherEndsNorGrowsWhenTheWallClockIsSet) {
  for (const std::int64_t hour : {3'600'000, -3'600'000}) {
    RunHarness run({task("a", {}, "x"), task("b", {0}, "y")});
    run.plan.budget.time = dsl::Duration{100'000};
    take(run, 30'000);
    run.start();
    run.clock.advance({10'000});
    run.clock.jump({hour});
    run.run_to_end();
    EXPECT_EQ(run.state->outcome(), Outcome::Passed);
    EXPECT_EQ(run.engine.started.back().timeout.ms, 70'000) << hour;
    EXPECT_EQ(run.state->took_ms(run.clock.wall_ms()), 60'000) << hour;
    EXPECT_EQ(run.state->took_ms(0, run.clock.wall_ms()), 30'000) << hour;
  }
}

}  // namespace
}  // namespace runner::test
