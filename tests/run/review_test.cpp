// What people say of a run's work, and what is done with it.

#include "runner/run/review.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner {
namespace {

using test::FakeEngine;
using test::gate;
using test::RunHarness;
using test::task;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

dsl::PlanNode approval(const std::string& id, std::vector<dsl::NodeIndex> needs) {
  dsl::PlanNode node;
  node.id = dsl::NodeId(id);
  node.task = id;
  node.phase = "main";
  node.kind = dsl::NodeKind::Approval;
  node.needs = std::move(needs);
  node.approval = "Good?";
  return node;
}

dsl::Criterion manual_criterion() {
  dsl::Criterion manual;
  manual.text = "reads well";
  manual.check = dsl::ManualCheck{"Does it read well?"};
  return manual;
}

PersonAnswered sends_back(const std::string& asked,
                          std::int64_t criterion,
                          std::vector<dsl::NodeId> again) {
  return {dsl::NodeId(asked), criterion, false, "ann", "too long", "root", std::move(again)};
}

std::vector<std::string> names(const RunState& state, const std::vector<std::size_t>& nodes) {
  std::vector<std::string> all;
  for (const std::size_t node : nodes) {
    all.push_back(state.nodes()[node].id.value);
  }
  return all;
}

/// What the last job of the node was told.
std::string feedback_of(const RunHarness& run, const std::string& word) {
  for (auto job = run.engine.started.rbegin(); job != run.engine.started.rend(); ++job) {
    for (const auto& [name, value] : job->env) {
      if (job->argv.back() == word && name == "PIPE_FEEDBACK_TEXT") {
        return value;
      }
    }
  }
  return "";
}

TEST(Review, WorkThatWasSentBackIsDoneAgainWithTheReasonAndAskedAboutAgain) {
  RunHarness run({task("a", {}, "work"),
                  task("aside", {}, "aside"),
                  approval("review", {0}),
                  task("b", {2}, "next")});
  run.start();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting);
  ASSERT_TRUE(run.record(sends_back("review", -1, {dsl::NodeId("a")})));
  EXPECT_TRUE(run.state->answered());
  run.restart();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting) << run.end->error.message;
  EXPECT_THAT(run.started_words(), ElementsAre("work", "aside", "work"));
  EXPECT_THAT(feedback_of(run, "work"), HasSubstr("too long"));
  EXPECT_EQ(run.node("a").attempt, 2);
  EXPECT_EQ(run.node("a").reuse, "not reused: sent back by ann");
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("review"), -1, true, "ann", "", "root", {}}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("work", "aside", "work", "next"));
}

TEST(Review, AManualCriterionSendsItsOwnTaskBack) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  run.plan.nodes[0].criteria = {manual_criterion()};
  run.start();
  ASSERT_TRUE(run.record(sends_back("a", 0, {dsl::NodeId("a")})));
  run.restart();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting) << run.end->error.message;
  EXPECT_THAT(run.started_words(), ElementsAre("work", "work"));
  ASSERT_EQ(open_questions(*run.state).size(), 1U);
  EXPECT_EQ(open_questions(*run.state)[0].criterion, 0);
}

TEST(Review, AFinalNoEndsARetriedTaskToo) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].criteria = {manual_criterion()};
  run.plan.nodes[0].retry.attempts = 3;
  run.start();
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("a"), 0, false, "ann", "no", "root", {}}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_THAT(run.started_words(), ElementsAre("work"));
}

TEST(Review, WhatCameOfWorkThatWasSentBackIsDoneAgainToo) {
  RunHarness run({task("a", {}, "work"),
                  task("made", {0}, "made of it"),
                  approval("review", {0}),
                  gate("main", {1, 2})});
  run.plan.nodes[1].reuse = false;
  run.start();
  ASSERT_TRUE(run.record(sends_back("review", -1, {dsl::NodeId("a")})));
  run.restart();
  EXPECT_THAT(run.started_words(), ElementsAre("work", "made of it", "work", "made of it"));
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("review"), -1, true, "ann", "", "root", {}}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(Review, ItemsOfAForEachBelowAreFoundAnew) {
  RunHarness run({task("list", {}, "list"), task("each", {0}, "one"), approval("review", {1})});
  run.plan.nodes[1].for_each = "fromJSON('[1,2]')";
  run.start();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting) << run.end->error.message;
  EXPECT_EQ(run.engine.started.size(), 3U);
  ASSERT_TRUE(run.record(sends_back("review", -1, {dsl::NodeId("list")})));
  run.restart();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting) << run.end->error.message;
  ASSERT_TRUE(run.record(sends_back("review", -1, {dsl::NodeId("each[1]")})));
  run.restart();
  EXPECT_EQ(run.node("each[0]").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("each[0]").attempt, 1) << "taken from the cache, and then left alone";
  EXPECT_EQ(run.node("each[1]").attempt, 2);
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("review"), -1, true, "ann", "", "root", {}}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(Review, AsksAgainWhereTheRunWasKilledInTheMiddleOfTheWork) {
  RunHarness run({task("a", {}, "work"), task("slow", {}, "slow"), approval("review", {0})});
  run.plan.pools["one"] = 1;
  run.plan.nodes[1].pool = "one";
  run.engine.script = [](const Job& job) {
    return FakeEngine::Answer{{}, {job.argv.back() == "slow" ? 60'000 : 0}};
  };
  run.start();
  run.loop->stop("SIGTERM");  // in the middle of 'slow'
  run.clock.run_due();
  ASSERT_EQ(run.node("slow").stage, Stage::Running);
  ASSERT_TRUE(run.record(sends_back("review", -1, {dsl::NodeId("a"), dsl::NodeId("slow")})));
  run.restart();
  run.run_to_end();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Waiting) << run.end->error.message;
  EXPECT_EQ(run.state->pool_use("one"), 0);
  EXPECT_EQ(run.state->busy(), 0U);
}

TEST(Review, AReasonGoesToTheNearestThatCanBeTold) {
  RunHarness run({task("agent", {}, "work"),
                  task("test", {0}, "test"),
                  gate("main", {1}),
                  approval("review", {2})});
  run.plan.nodes[0].retry = {3, {}, {}, true};
  run.start();
  EXPECT_THAT(names(*run.state, reviewed_by(*run.state, 3)), ElementsAre("agent"));
  RunHarness plain({task("make", {}, "work"), task("test", {0}, "test"), approval("review", {1})});
  plain.start();
  EXPECT_THAT(names(*plain.state, reviewed_by(*plain.state, 2)), ElementsAre("test"));
}

// A node whose two needs were lost in different ways started when the first of them was there.
TEST(Review, ANodeWaitsForAllNeedsThatWereLost) {
  RunHarness run({task("a", {}, "lost"), task("b", {}, "slow"), task("both", {0, 1}, "both")});
  bool mended = false;
  run.engine.script = [&mended](const Job& job) {
    FakeEngine::Answer answer{{}, {job.argv.back() == "slow" ? 60'000 : 0}};
    if (job.argv.back() == "lost" && !mended) {
      answer.end.how = JobEnd::How::Lost;
    }
    return answer;
  };
  run.start();
  run.loop->stop("SIGTERM");
  run.clock.run_due();
  ASSERT_EQ(run.node("a").outcome, Outcome::Errored);
  mended = true;
  run.restart();
  EXPECT_THAT(run.started_words(), UnorderedElementsAre("lost", "slow", "lost", "slow"));
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

}  // namespace
}  // namespace runner
