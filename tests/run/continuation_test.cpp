#include "runner/run/continuation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/run/owed.h"
#include "tests/report/story.h"

namespace runner {
namespace {

using testing::HasSubstr;

dsl::PlanNode& agent(PlanMaker& make,
                     const std::string& id,
                     std::vector<dsl::NodeIndex> needs = {}) {
  dsl::PlanNode& node = make.task(id, std::move(needs));
  node.agent.emplace();
  node.criteria = {PlanMaker::criterion("It is done"), {}};
  node.criteria[0].red_first = true;
  node.criteria[1].check = dsl::DiffCheck{};
  return node;
}

/// one, two (needs one), three, four (its output is read), then a review of two.
dsl::Plan plan_of_agents() {
  PlanMaker make;
  make.phase("main");
  agent(make, "one");
  agent(make, "two", {0});
  agent(make, "three");
  agent(make, "four").outputs.push_back({});
  agent(make, "reviewer", {1});
  make.gate({2, 3, 4});
  return make.plan();
}

TEST(ContinuedPlan, AsksTheAgentAndWhatComesAfterItRunsAsItStands) {
  const auto next = continued_plan(plan_of_agents(), "two", "do more");
  ASSERT_TRUE(next);
  const auto& nodes = next->plan.nodes;
  EXPECT_EQ(next->asked, 1U);
  EXPECT_EQ(nodes[1].agent->follow_up, (dsl::FollowUp{"do more", "", ""}));
  EXPECT_TRUE(nodes[3].agent) << "others may read what it hands over";
  EXPECT_TRUE(nodes[4].agent);
  EXPECT_FALSE(nodes[4].agent->follow_up);
}

TEST(ContinuedPlan, VerifiesWhatOtherAgentsMadeWithoutAskingThem) {
  const auto next = continued_plan(plan_of_agents(), "two", "do more");
  ASSERT_TRUE(next);
  for (const std::size_t resting : {0U, 2U}) {
    const dsl::PlanNode& node = next->plan.nodes[resting];
    EXPECT_FALSE(node.agent);
    EXPECT_EQ(node.command.argv, std::vector<dsl::Template>{dsl::Template("true")});
    ASSERT_EQ(node.criteria.size(), 1U) << "there is no change to judge";
    EXPECT_EQ(node.criteria[0].text, "It is done");
  }
  EXPECT_EQ(next->plan.nodes[1].criteria.size(), 2U);
  EXPECT_FALSE(next->plan.nodes[1].criteria[0].red_first) << "it was red in the run before";
}

TEST(ContinuedPlan, ForgetsWhatTheRunBeforeWasAskedBeyondItsPrompt) {
  auto first = continued_plan(plan_of_agents(), "reviewer", "look again");
  ASSERT_TRUE(first);
  const auto next = continued_plan(first->plan, "four", "do more");
  ASSERT_TRUE(next);
  EXPECT_EQ(next->plan.nodes[3].agent->follow_up->prompt, "do more");
  EXPECT_FALSE(next->plan.nodes[4].agent) << "it comes not after 'four'";
}

TEST(ContinuedPlan, NeedsToKnowWhoIsAsked) {
  PlanMaker nobody;
  nobody.phase("main");
  nobody.task("make");
  EXPECT_THAT(continued_plan(nobody.plan(), "", "x").error().message, HasSubstr("has no agent"));
  EXPECT_THAT(continued_plan(plan_of_agents(), "", "x").error().remedy,
              HasSubstr("one, two, three, four, reviewer"));
  EXPECT_EQ(continued_plan(plan_of_agents(), "tow", "x").error().remedy, "did you mean 'two'?");
}

// ---- what is owed ------------------------------------------------------------------------------

/// A run that passed and changed something.
Story passed(dsl::Git git) {
  PlanMaker make;
  make.phase("main");
  make.task("make");
  make.gate({0});
  dsl::Plan plan = make.plan();
  plan.git = std::move(git);
  Story story(std::move(plan));
  story.start();
  RunFinished finished;
  finished.outcome = Outcome::Passed;
  finished.result.commit = "c1";
  story.tell(finished);
  return story;
}

TEST(WhatIsOwed, GoesFromOneStepToTheNext) {
  dsl::Git git;
  git.push = true;
  git.pull_request.emplace();
  Story story = passed(git);
  EXPECT_EQ(owed(story.state()), Owed::Delivery);
  story.tell(ResultDelivered{"branch 'b'"});
  EXPECT_EQ(owed(story.state()), Owed::Push);
  story.tell(PushStarted{"origin", "b", ""}).tell(PushEnded{"origin", "refused"});
  EXPECT_EQ(owed(story.state()), Owed::Push);
  story.tell(PushEnded{"origin", ""});
  EXPECT_EQ(owed(story.state()), Owed::PullRequest);
  story.tell(PullRequestEnded{"", "no network"});
  EXPECT_EQ(owed(story.state()), Owed::PullRequest);
  story.tell(PullRequestEnded{"https://x.example/1", ""});
  EXPECT_EQ(owed(story.state()), Owed::Nothing);
}

TEST(WhatIsOwed, IsNothingOfWhatWasUndoneOrNotDeclared) {
  dsl::Git git;
  Story plain = passed(git);
  plain.tell(ResultDelivered{"branch 'b'"});
  EXPECT_EQ(owed(plain.state()), Owed::Nothing);
  git.push = true;
  Story undone = passed(git);
  undone.tell(ResultDelivered{"branch 'b'"}).tell(ResultUndone{"branch 'b'", ""});
  EXPECT_EQ(owed(undone.state()), Owed::Nothing);
}

}  // namespace
}  // namespace runner
