#include "runner/run/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner::test {
namespace {

using testing::HasSubstr;

Account account(BudgetLevel level) {
  Account made;
  made.level = level;
  return made;
}

Account with_cost(BudgetLevel level, std::int64_t cap, std::int64_t spent, std::int64_t held) {
  Account made = account(level);
  made.cost_cap = dsl::Money{cap};
  made.spent.cost.micros = spent;
  made.reserved.cost.micros = held;
  return made;
}

/// 1,000 tokens sent for 3,000 millionths; output at 15 millionths a token.
SpendAsk ask() {
  return {{3'000}, 1'000, 15'000, 2'000, 100};
}

SpendGrant granted(const std::variant<SpendGrant, SpendRefusal>& answer) {
  EXPECT_TRUE(std::holds_alternative<SpendGrant>(answer));
  return std::holds_alternative<SpendGrant>(answer) ? std::get<SpendGrant>(answer) : SpendGrant{};
}

SpendRefusal refused(const std::variant<SpendGrant, SpendRefusal>& answer) {
  EXPECT_TRUE(std::holds_alternative<SpendRefusal>(answer));
  return std::holds_alternative<SpendRefusal>(answer) ? std::get<SpendRefusal>(answer)
                                                      : SpendRefusal{};
}

TEST(Ledger, WithoutCapsTheWorstCaseIsHeld) {
  const SpendGrant grant = granted(may_spend(ask(), {account(BudgetLevel::Task)}));
  EXPECT_EQ(grant.output_tokens, 2'000);
  EXPECT_EQ(grant.reserved, (Spend{{33'000}, 3'000, 1}));
}

TEST(Ledger, OutputIsLoweredToWhatTheNarrowestBudgetPaysFor) {
  const SpendGrant grant =
      granted(may_spend(ask(),
                        {with_cost(BudgetLevel::Task, 100'000, 0, 0),
                         with_cost(BudgetLevel::Run, 50'000, 20'000, 10'000)}));
  EXPECT_EQ(grant.output_tokens, (20'000 - 3'000) / 15);
  EXPECT_EQ(grant.reserved.cost.micros, 3'000 + 1'133 * 15);
  EXPECT_EQ(grant.reserved.tokens, 1'000 + 1'133);
}

TEST(Ledger, ARequestThatCouldOnlyStutterIsRefused) {
  const SpendRefusal refusal =
      refused(may_spend(ask(), {with_cost(BudgetLevel::Run, 4'400, 0, 0)}));
  EXPECT_EQ(refusal.level, BudgetLevel::Run);
  EXPECT_EQ(refusal.of, SpendRefusal::Of::Cost);
  EXPECT_EQ(granted(may_spend(ask(), {with_cost(BudgetLevel::Run, 4'500, 0, 0)})).output_tokens,
            100);
}

TEST(Ledger, AShortAnswerMayBeShorterThanTheLeast) {
  SpendAsk small = ask();
  small.output_tokens = 5;
  EXPECT_EQ(granted(may_spend(small, {with_cost(BudgetLevel::Run, 3'075, 0, 0)})).output_tokens, 5);
  EXPECT_EQ(refused(may_spend(small, {with_cost(BudgetLevel::Run, 3'074, 0, 0)})).of,
            SpendRefusal::Of::Cost);
}

TEST(Ledger, WhatIsHeldCountsLikeWhatIsSpent) {
  EXPECT_EQ(refused(may_spend(ask(), {with_cost(BudgetLevel::Day, 10'000, 3'000, 6'999)})).level,
            BudgetLevel::Day);
}

TEST(Ledger, MoreSpentThanTheCapLeavesNothingAndNoLess) {
  EXPECT_EQ(refused(may_spend(ask(), {with_cost(BudgetLevel::Task, 10, 1'000, 0)})).of,
            SpendRefusal::Of::Cost);
}

TEST(Ledger, AFreeModelIsBoundByTokensAndTurnsOnly) {
  SpendAsk free = ask();
  free.input_cost = {0};
  free.output_nanos = 0;
  EXPECT_EQ(granted(may_spend(free, {with_cost(BudgetLevel::Task, 0, 0, 0)})).output_tokens, 2'000);
}

TEST(Ledger, TokensBoundOutputToo) {
  Account task = account(BudgetLevel::Task);
  task.token_cap = 1'500;
  EXPECT_EQ(granted(may_spend(ask(), {task})).output_tokens, 500);
  task.spent.tokens = 401;
  EXPECT_EQ(refused(may_spend(ask(), {task})).of, SpendRefusal::Of::Tokens);
}

TEST(Ledger, ATurnUnderWayIsATurn) {
  Account phase = account(BudgetLevel::Phase);
  phase.turn_cap = 2;
  phase.spent.turns = 1;
  EXPECT_EQ(granted(may_spend(ask(), {phase})).reserved.turns, 1);
  phase.reserved.turns = 1;
  const SpendRefusal refusal = refused(may_spend(ask(), {phase}));
  EXPECT_EQ(refusal.of, SpendRefusal::Of::Turns);
  EXPECT_EQ(to_text(refusal),
            "the phase's budget of 2 turns has no room for this request, which is one more: "
            "1 spent, 1 held by requests under way");
}

TEST(Ledger, ARefusalNamesTheBudgetAndWhatIsInItsWay) {
  const SpendRefusal refusal =
      refused(may_spend(ask(), {with_cost(BudgetLevel::Run, 20'000'000, 19'990'000, 9'000)}));
  EXPECT_EQ(to_text(refusal),
            "the run's budget of $20 has no room for this request, which may cost $0.0045 (a "
            "byte is counted as a token): $19.99 spent, $0.009 held by requests under way");
}

TEST(Ledger, CostsAreNeverRoundedToSomebodysLoss) {
  EXPECT_EQ(cost_of(1, 75).micros, 1);
  EXPECT_EQ(cost_of(40, 75).micros, 3);
  EXPECT_EQ(cost_of(0, 75).micros, 0);
  // What fits a sum costs no more than it.
  for (std::int64_t left = 0; left < 500; ++left) {
    for (const std::int64_t nanos : {1, 75, 999, 1'000, 1'001, 15'000}) {
      SpendAsk one{{0}, 0, nanos, 1'000'000, 0};
      const SpendGrant grant = granted(may_spend(one, {with_cost(BudgetLevel::Task, left, 0, 0)}));
      EXPECT_LE(grant.reserved.cost.micros, left);
      EXPECT_GT(cost_of(grant.output_tokens + 1, nanos).micros +
                    (grant.output_tokens == one.output_tokens ? left : 0),
                left)
          << "and no token less than it pays for";
    }
  }
}

TEST(Ledger, ADaysCapIsThatOfPerDayAlone) {
  dsl::Budget budget;
  budget.cost = dsl::Money{1};
  budget.turns = 2;
  budget.tokens = dsl::Tokens{3};
  budget.cost_per_day = dsl::Money{4};
  Account run = account(BudgetLevel::Run);
  set_caps(run, budget);
  EXPECT_EQ(run.cost_cap, dsl::Money{1});
  EXPECT_EQ(run.turn_cap, 2);
  EXPECT_EQ(run.token_cap, 3);
  Account day = account(BudgetLevel::Day);
  set_caps(day, budget);
  EXPECT_EQ(day.cost_cap, dsl::Money{4});
  EXPECT_EQ(day.turn_cap, std::nullopt);
  EXPECT_EQ(day.token_cap, std::nullopt);
}

TEST(Ledger, TheCapThatIsNearestSaysHowMuchIsUsedUp) {
  Account task = with_cost(BudgetLevel::Task, 100, 50, 50);
  Account run = account(BudgetLevel::Run);
  run.turn_cap = 10;
  run.reserved.turns = 1;
  const SpendAsk ask{{5}, 0, 1'000, 10, 5};
  using Last = BudgetUse::Last;
  EXPECT_EQ(budget_use({task, run}, ask, {{29}, 0, 1}), (BudgetUse{79, Last::No}))
      << "what is held is mostly given back";
  EXPECT_EQ(budget_use({task, run}, ask, {{30}, 0, 1}), (BudgetUse{80, Last::No}));
  run.spent.turns = 8;
  EXPECT_EQ(budget_use({task, run}, ask, {{30}, 0, 1}), (BudgetUse{90, Last::No}))
      << "a request takes a turn in any case";
  EXPECT_EQ(budget_use({with_cost(BudgetLevel::Task, 0, 0, 0)}, ask, {}).per_cent, 100)
      << "of nothing all is used up";
}

TEST(Ledger, TheLastIsWhatNoOtherHasRoomBehind) {
  using Last = BudgetUse::Last;
  const SpendAsk ask{{5}, 0, 1'000, 10, 5};  // $0.00001 at the least
  const Account task = with_cost(BudgetLevel::Task, 100, 50, 15);
  EXPECT_EQ(budget_use({task}, ask, {{40}, 0, 1}).last, Last::No);
  EXPECT_EQ(budget_use({task}, ask, {{41}, 0, 1}).last, Last::Perhaps);
  Account run = account(BudgetLevel::Run);
  run.turn_cap = 3;
  run.spent.turns = 1;
  run.reserved.turns = 1;
  EXPECT_EQ(budget_use({task, run}, ask, {}).last, Last::No);
  run.reserved.turns = 2;
  EXPECT_EQ(budget_use({task, run}, ask, {{41}, 0, 1}).last, Last::Surely);
  Account phase = account(BudgetLevel::Phase);
  phase.token_cap = 1'000;
  phase.spent.tokens = 900;
  const SpendAsk reads{{0}, 40, 0, 100, 10};
  EXPECT_EQ(budget_use({phase}, reads, {{0}, 50, 1}).last, Last::No);
  EXPECT_EQ(budget_use({phase}, reads, {{0}, 51, 1}).last, Last::Perhaps);
}

}  // namespace
}  // namespace runner::test
