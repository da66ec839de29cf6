#include "dsl/meetings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dsl {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A task with one `run` criterion that may take a second.
PlanNode task(const std::string& id, std::vector<NodeIndex> needs) {
  PlanNode node;
  node.id = NodeId(id);
  node.needs = std::move(needs);
  node.command.argv = {Template("true")};
  Criterion criterion;
  criterion.timeout = Duration{1'000};
  criterion.check = RunCheck{};
  node.criteria = {criterion};
  return node;
}

Plan plan_of(std::vector<PlanNode> nodes) {
  Plan plan;
  plan.nodes = std::move(nodes);
  return plan;
}

TEST(Meetings, AChainHasNone) {
  EXPECT_THAT(meetings_of(plan_of({task("a", {}), task("b", {0}), task("c", {0, 1})})), IsEmpty());
}

TEST(Meetings, WhereTwoMeetWhatEachProvedIsVerifiedAgain) {
  const auto met = meetings_of(plan_of({task("a", {}), task("b", {}), task("c", {0, 1})}));
  ASSERT_EQ(met.size(), 1U);
  EXPECT_EQ(met[0].node, NodeIndex{2});
  EXPECT_THAT(met[0].tasks, ElementsAre(0, 1));
  EXPECT_EQ(met[0].criteria, 2U);
  EXPECT_EQ(met[0].worst, Duration{2'000});  // of two, the culprit is known at once
}

TEST(Meetings, WhatIsInEveryBranchIsNotAmongThem) {
  const auto met = meetings_of(
      plan_of({task("top", {}), task("left", {0}), task("right", {0}), task("end", {1, 2})}));
  ASSERT_EQ(met.size(), 1U);
  EXPECT_THAT(met[0].tasks, ElementsAre(1, 2));
}

TEST(Meetings, ABranchIsLookedAtAtItsEndAndManyOneByOne) {
  const auto met = meetings_of(plan_of(
      {task("a", {}), task("then", {0}), task("b", {}), task("c", {}), task("end", {1, 2, 3})}));
  ASSERT_EQ(met.size(), 1U);
  EXPECT_THAT(met[0].tasks, ElementsAre(0, 1, 2, 3));
  // a: all, its branch, b, c; then: all, b, c; b and c: all, and the three beside them.
  EXPECT_EQ(met[0].worst, Duration{(4 + 3 + 4 + 4) * 1'000});
}

TEST(Meetings, TheResultIsOneAndTheSameMergeIsVerifiedOnce) {
  const auto ends = meetings_of(plan_of({task("a", {}), task("b", {})}));
  ASSERT_EQ(ends.size(), 1U);
  EXPECT_EQ(ends[0].node, std::nullopt);
  EXPECT_EQ(
      meetings_of(plan_of({task("a", {}), task("b", {}), task("c", {0, 1}), task("d", {0, 1})}))
          .size(),
      2U);  // of both, once, and of c with d
}

TEST(Meetings, ADiffAndAPersonsWordAreOfATaskAlone) {
  Plan plan = plan_of({task("a", {}), task("b", {}), task("c", {0, 1})});
  plan.nodes[0].criteria[0].check = DiffCheck{};
  plan.nodes[1].criteria[0].check = ManualCheck{};
  EXPECT_THAT(meetings_of(plan), IsEmpty());
}

}  // namespace
}  // namespace dsl
