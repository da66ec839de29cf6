#include "runner/run/scheduler.h"

#include "dsl/expression.h"
#include "runner/run/scope.h"
#include "tests/report/story.h"

namespace runner {
namespace {

/// Does all that settles without work: skips and admissions, until there is nothing left of it.
void decide_everything(Story& story) {
  while (true) {
    const NextActions next = next_actions(story.state(), {});
    bool decided = false;
    for (const Action& action : next.actions) {
      if (const auto* skip = std::get_if<Skip>(&action)) {
        story.tell(NodeSkipped{story.state().nodes()[skip->node].id, skip->reason});
        decided = true;
      }
    }
    if (!decided) {
      return;
    }
  }
}

const NodeState& node(const Story& story, const std::string& id) {
  return story.state().nodes()[*story.state().find(dsl::NodeId(id))];
}

TEST(Scheduler, NothingBelowAFailureStartsHoweverFarBelow) {
  PlanMaker make;
  make.phase("build");
  make.task("compile");
  make.task("link", {0});
  make.gate({0, 1});
  make.phase("release");
  make.task("publish", {2});
  make.gate({3});
  Story story(make.plan());
  story.start().run_task("compile").finish("compile", Outcome::Failed, "exit 1");
  decide_everything(story);
  EXPECT_EQ(node(story, "link").reason, "needs 'compile', which failed");
  EXPECT_EQ(node(story, "build").reason, "needs 'compile', which failed");
  EXPECT_EQ(node(story, "publish").outcome, Outcome::Skipped);
  EXPECT_EQ(node(story, "publish").reason,
            "needs 'build', which was skipped since 'compile' failed");
  EXPECT_EQ(node(story, "release").outcome, Outcome::Skipped);
  EXPECT_EQ(outcome_of(story.state()), Outcome::Failed);
}

TEST(Scheduler, ASkippedNeedWithoutAFailureCountsAsSatisfied) {
  PlanMaker make;
  make.phase("main");
  make.task("docs").condition = "false";
  make.task("publish", {0});
  make.gate({1});
  Story story(make.plan());
  story.start();
  decide_everything(story);
  EXPECT_EQ(node(story, "docs").outcome, Outcome::Skipped);
  EXPECT_EQ(node(story, "publish").stage, Stage::Open);
}

TEST(Scheduler, AnAllowedFailureStandsInNobodysWay) {
  PlanMaker make;
  make.phase("main");
  make.task("lint").allow_failure = true;
  make.task("publish", {0});
  make.gate({1});
  Story story(make.plan());
  story.start().run_task("lint").finish("lint", Outcome::Failed, "exit 1");
  decide_everything(story);
  EXPECT_EQ(node(story, "publish").stage, Stage::Open);
}

TEST(Scheduler, FailureIsSeenThroughWhatWasSkippedForIt) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.task("test", {0});
  make.task("report", {1}).condition = "failure()";
  make.gate({2});
  Story story(make.plan());
  story.start().run_task("build").finish("build", Outcome::Failed, "exit 1");
  decide_everything(story);
  const NextActions next = next_actions(story.state(), {});
  ASSERT_EQ(next.actions.size(), 1U);
  ASSERT_TRUE(std::holds_alternative<Admit>(next.actions[0]));
  EXPECT_EQ(story.state().nodes()[std::get<Admit>(next.actions[0]).node].id.value, "report");
}

TEST(Scope, TheFirstAttemptIsNumberOneBeforeAndWhileItRuns) {
  PlanMaker make;
  make.phase("main");
  make.task("build");
  make.gate({0});
  Story story(make.plan());
  const auto attempt = [&] {
    return *dsl::evaluate("run.attempt", scope_of(story.state(), 0, {}));
  };
  story.start();
  EXPECT_EQ(attempt(), dsl::Value(1.0));
  story.begin("build");
  EXPECT_EQ(attempt(), dsl::Value(1.0));
  AttemptEnded ended;
  ended.node = dsl::NodeId("build");
  story.tell(ended).tell(RetryScheduled{dsl::NodeId("build"), 1, 0, "exit 1"});
  EXPECT_EQ(attempt(), dsl::Value(2.0));
}

/// Two instances of `test`, of which the first is told to end so, and a reader of them.
Story matrix_of(Outcome first, Outcome second) {
  PlanMaker make;
  make.phase("main");
  for (const std::string os : {"old", "new"}) {
    dsl::PlanNode& instance = make.task("test[os=" + os + "]");
    instance.task = "test";
    instance.matrix.emplace_back("os", dsl::Value(os));
    instance.outputs.push_back({"name", "", dsl::ValueType::String});
    instance.allow_failure = true;
  }
  dsl::PlanNode& reader = make.task("publish", {0, 1});
  reader.condition = "needs.test.result == 'success' && needs.test.outputs.name[0] == 'old'";
  make.gate({2});
  Story story(make.plan());
  story.start();
  for (const auto& [os, outcome] : {std::pair("old", first), std::pair("new", second)}) {
    AttemptEnded ended;
    ended.node = dsl::NodeId("test[os=" + std::string(os) + "]");
    ended.outputs.emplace_back("name", dsl::Value(std::string(os)));
    story.begin(ended.node.value).tell(ended).finish(ended.node.value, outcome, "as told");
  }
  return story;
}

TEST(Scope, TheResultOfAMatrixIsThatOfAllItsInstances) {
  const auto result_of = [](Outcome first, Outcome second) {
    const Story story = matrix_of(first, second);
    return *dsl::evaluate("needs.test.result", scope_of(story.state(), 2, {}));
  };
  EXPECT_EQ(result_of(Outcome::Passed, Outcome::Passed), dsl::Value("success"));
  EXPECT_EQ(result_of(Outcome::Failed, Outcome::Passed), dsl::Value("failure"));
  EXPECT_EQ(result_of(Outcome::Passed, Outcome::Failed), dsl::Value("failure"));
}

TEST(Scope, TheOutputsOfAMatrixAreLists) {
  const Story story = matrix_of(Outcome::Passed, Outcome::Passed);
  EXPECT_EQ(*dsl::evaluate("toJSON(needs.test.outputs)", scope_of(story.state(), 2, {})),
            dsl::Value(R"({"name":["old","new"]})"));
}

}  // namespace
}  // namespace runner
