#include "dsl/meetings.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <set>

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

std::vector<Meeting> meetings_of(const Plan& plan) {
  std::vector<Meeting> all;
  for_each_meeting(plan, [&](const Meeting& one) { all.push_back(one); });
  return all;
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

/// By the definition, node by node and set by set: those that some branches have and not all.
std::set<NodeIndex> parted_by_definition(const Plan& plan, const std::vector<NodeIndex>& needs) {
  const auto past_of = [&](NodeIndex node) {
    std::set<NodeIndex> past;
    std::vector<NodeIndex> next{node};
    while (!next.empty()) {
      const NodeIndex one = next.back();
      next.pop_back();
      if (past.insert(one).second) {
        next.insert(next.end(), plan.nodes[one].needs.begin(), plan.nodes[one].needs.end());
      }
    }
    return past;
  };
  std::vector<std::set<NodeIndex>> tips;
  for (const NodeIndex need : needs) {
    const bool is_tip = std::none_of(needs.begin(), needs.end(), [&](NodeIndex other) {
      return other != need && past_of(other).contains(need);
    });
    if (is_tip) {
      tips.push_back(past_of(need));
    }
  }
  std::set<NodeIndex> parted;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const auto having =
        std::count_if(tips.begin(), tips.end(), [&](const auto& tip) { return tip.contains(i); });
    if (having > 0 && static_cast<std::size_t>(having) < tips.size()) {
      parted.insert(i);
    }
  }
  return parted;
}

TEST(Meetings, OfAnyGraphAreAsDefined) {
  std::mt19937 random(7);
  std::size_t compared = 0;
  for (int round = 0; round < 60; ++round) {
    std::vector<PlanNode> nodes;
    const std::size_t count = 2 + random() % 150;  // more than a word of bits
    for (std::size_t i = 0; i < count; ++i) {
      std::set<NodeIndex> needs;
      for (std::size_t k = i == 0 ? 0 : random() % 4; k > 0; --k) {
        needs.insert(random() % i);
      }
      nodes.push_back(task("t" + std::to_string(i), {needs.begin(), needs.end()}));
    }
    std::vector<NodeIndex> all(count);
    std::iota(all.begin(), all.end(), NodeIndex{0});
    nodes.push_back(task("gate", all));
    nodes.back().command = {};
    Plan plan = plan_of(std::move(nodes));
    plan.phases.emplace_back().gate = count;
    std::set<std::set<NodeIndex>> wanted;
    for (const PlanNode& node : plan.nodes) {
      if (auto parted = parted_by_definition(plan, node.needs); !parted.empty()) {
        wanted.insert(std::move(parted));
      }
    }
    std::set<std::set<NodeIndex>> found;
    for (const Meeting& meeting : meetings_of(plan)) {
      EXPECT_EQ(meeting.criteria, meeting.tasks.size());
      if (meeting.node) {
        EXPECT_TRUE(found.emplace(meeting.tasks.begin(), meeting.tasks.end()).second);
      }
    }
    EXPECT_EQ(found, wanted) << "round " << round;
    compared += found.size();
  }
  EXPECT_GT(compared, 500U);
}

}  // namespace
}  // namespace dsl
