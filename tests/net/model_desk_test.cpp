// What is let go to a model, and what is charged for it.

#include "runner/net/model_desk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/net/desk_ledger.h"
#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

using testing::HasSubstr;

class ModelDeskTest : public testing::Test {
 protected:
  ModelDeskTest() {
    ledger = *LedgerStore::open(folder / "ledger.db");
    meter = std::make_unique<DirectMeter>(*ledger);
    who.run = dsl::RunId("r1");
    who.pipeline = "p";
    who.phase = "main";
    who.task = dsl::NodeId("t");
  }

  ModelDesk& desk() {
    if (desk_ == nullptr) {
      ModelAccess access;
      access.provider = anthropic();
      access.who = who;
      access.answered = [this](const ModelAnswered& one) { answered.push_back(one); };
      access.reached = [this](const BudgetReached& one) { reached.push_back(one); };
      access.exhausted = [this] { ++exhausted; };
      access.limited = [this](RateLimit one) { limits.push_back(one); };
      access.unanswered = [this](const std::string& why) { storms.push_back(why); };
      desk_ = std::make_unique<ModelDesk>(*meter, list_price, std::move(access));
    }
    return *desk_;
  }

  ModelDesk::Decision ask(const Json& body, const std::string& target = "/v1/messages") {
    std::optional<ModelDesk::Decision> decision;
    desk().ask(
        "POST",
        target,
        body.dump(),
        [&](ModelDesk::Decision one) { decision = std::move(one); },
        count);
    meter->work();
    EXPECT_TRUE(decision);
    return decision ? *std::move(decision) : ModelDesk::Decision();
  }
  ModelPassage passed(const Json& body) {
    auto decision = ask(body);
    EXPECT_TRUE(std::holds_alternative<ModelPassage>(decision))
        << std::get<ModelRefusal>(decision).body;
    auto* const passage = std::get_if<ModelPassage>(&decision);
    return passage != nullptr ? *passage : ModelPassage();
  }
  std::string refused(const Json& body, const std::string& target = "/v1/messages") {
    auto decision = ask(body, target);
    const auto* const refusal = std::get_if<ModelRefusal>(&decision);
    EXPECT_NE(refusal, nullptr);
    return refusal == nullptr
               ? ""
               : std::to_string(refusal->status) + " " +
                     Json::parse(refusal->body)["error"]["message"].get<std::string>();
  }
  void end(const ModelPassage& passage, const ModelAnswerEnd& how) {
    desk().settle(passage, how);
    meter->work();
  }
  void answer(const ModelPassage& passage, const Usage& usage) {
    end(passage, {true, 200, true, usage, true});
  }
  Account task() { return (*ledger->accounts(who, kDeskNow))[0]; }

  TempFolder folder;
  std::unique_ptr<LedgerStore> ledger;
  std::unique_ptr<DirectMeter> meter;
  Spender who;
  std::vector<ModelAnswered> answered;
  std::vector<BudgetReached> reached;
  std::vector<RateLimit> limits;
  std::vector<std::string> storms;
  int exhausted = 0;
  ModelDesk::Count count;  // how the provider counts; empty: it is not asked

 private:
  std::unique_ptr<ModelDesk> desk_;
};

TEST_F(ModelDeskTest, ReservesBeforeItSendsAndSettlesToWhatWasBilled) {
  who.task_budget.cost = dsl::Money{5'000'000};
  const ModelPassage passage = passed(message(1'000));
  EXPECT_GE(task().reserved.cost.micros, 15'000);
  EXPECT_EQ(Json::parse(passage.body), message(1'000)) << "as it was: it fits";
  answer(passage, Usage{100, 0, 0, 0, 200});
  EXPECT_EQ(task().reserved, Spend{});
  EXPECT_EQ(task().spent, (Spend{{300 + 3'000}, 300, 1}));
  ASSERT_EQ(answered.size(), 1U);
  EXPECT_EQ(answered[0].spent, task().spent);
  EXPECT_EQ(answered[0].model, "claude-sonnet-4-5");
}

TEST_F(ModelDeskTest, LowersTheOutputToWhatIsLeft) {
  who.task_budget.cost = dsl::Money{100'000};
  const ModelPassage passage = passed(message(32'000));
  const std::int64_t limit = Json::parse(passage.body)["max_tokens"].get<std::int64_t>();
  EXPECT_LT(limit, 32'000);
  EXPECT_GT(limit, 1'000);
  EXPECT_LE(task().reserved.cost.micros, 100'000);
}

/// A request of 40 kB, of which its provider counts 5,000 tokens.
Json long_message(std::int64_t max_tokens) {
  Json body = message(max_tokens);
  body["system"] = std::string(40'000, 'x');
  return body;
}

/// Answers with the body, and keeps the questions.
ModelDesk::Count counting(std::vector<CountRequest>& asked, std::optional<std::string> body) {
  return [&asked, body = std::move(body)](
             const CountRequest& question,
             const std::function<void(std::optional<std::string>)>& answered) {
    asked.push_back(question);
    answered(body);
  };
}

TEST_F(ModelDeskTest, WhatFitsByItsBytesIsNotCounted) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.cost = dsl::Money{1'000'000};
  const ModelPassage passage = passed(long_message(1'000));
  EXPECT_EQ(asked.size(), 0U);
  EXPECT_GE(passage.input_tokens, 40'000);
}

TEST_F(ModelDeskTest, WhatDoesNotFitByItsBytesIsReservedAsItsProviderCounts) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.cost = dsl::Money{100'000};  // of $0.14 by its bytes
  const ModelPassage passage = passed(long_message(1'000));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0].target, "/v1/messages/count_tokens");
  EXPECT_EQ(Json::parse(passage.body)["max_tokens"], 1'000) << "as it was: now it fits";
  const Account account = task();
  EXPECT_EQ(account.reserved, passage.reserved);
  EXPECT_GE(account.reserved.tokens, 5'000 + 1'000);
  EXPECT_LE(account.reserved.tokens, 5'000 + 1'000 + 2'500) << "its margin";
  EXPECT_LE(account.reserved.cost.micros, 100'000);
}

TEST_F(ModelDeskTest, WhatHasNoRoomByItsCountIsRefusedAndTold) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.cost = dsl::Money{10'000};
  EXPECT_THAT(refused(long_message(1'000)), HasSubstr("(its provider counts the tokens)"));
  EXPECT_EQ(task().reserved, Spend{});
}

TEST_F(ModelDeskTest, ItsOutputIsLoweredToWhatItsCountLeaves) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.cost = dsl::Money{100'000};
  const std::int64_t most = Json::parse(passed(long_message(32'000)).body)["max_tokens"];
  EXPECT_LT(most, 32'000);
  EXPECT_GT(most, 3'000);
  EXPECT_LE(task().reserved.cost.micros, 100'000);
}

TEST_F(ModelDeskTest, WithoutACountItsBytesBoundIt) {
  std::vector<CountRequest> asked;
  count = counting(asked, std::nullopt);
  who.task_budget.cost = dsl::Money{300'000};
  EXPECT_GE(passed(long_message(32'000)).input_tokens, 40'000);
  for (int i = 0; i < 5; ++i) {
    refused(long_message(32'000));
  }
  EXPECT_EQ(asked.size(), 3U) << "whoever never answers is not asked for ever";
}

TEST_F(ModelDeskTest, ABudgetOfTurnsThatIsUsedUpIsNotCounted) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.turns = 0;
  EXPECT_THAT(refused(long_message(1'000)), HasSubstr("0 turns"));
  EXPECT_EQ(asked.size(), 0U);
}

TEST_F(ModelDeskTest, ABillAboveWhatWasReservedIsChargedAndToldAndEndsTheTrustInCounts) {
  std::vector<CountRequest> asked;
  count = counting(asked, R"({"input_tokens":5000})");
  who.task_budget.cost = dsl::Money{100'000};
  const ModelPassage passage = passed(long_message(1'000));
  EXPECT_TRUE(passage.is_counted);
  answer(passage, Usage{20'000, 0, 0, 0, 1'000});
  EXPECT_EQ(task().spent, (Spend{{60'000 + 15'000}, 21'000, 1})) << "as it was billed";
  ASSERT_EQ(reached.size(), 1U);
  EXPECT_LT(reached[0].mark, ModelDesk::kFirstMark);
  EXPECT_THAT(reached[0].text, testing::StartsWith("the provider billed $0.075 and 21000 tokens"));
  EXPECT_THAT(refused(long_message(1'000)), HasSubstr("(a byte is counted as a token)"));
  EXPECT_EQ(asked.size(), 1U);
}

TEST_F(ModelDeskTest, RefusesInTheDialectsShapeWhatHasNoRoom) {
  who.task_budget.turns = 1;
  answer(passed(message(100)), Usage{1, 0, 0, 0, 1});
  const std::string why = refused(message(100));
  EXPECT_THAT(why, testing::StartsWith("400 pipe-budget: the task's budget of 1 turn has"));
  ASSERT_EQ(reached.back().mark, BudgetReached::kFull);
  EXPECT_THAT(reached.back().text, HasSubstr("1 turn has no room"));
}

TEST_F(ModelDeskTest, AModelWithoutAPriceIsRefusedWithTheRemedy) {
  const std::string why = refused(message(100, "claude-from-tomorrow"));
  EXPECT_THAT(why, HasSubstr("pipe-price: nobody knows what the model 'claude-from-tomorrow'"));
  EXPECT_THAT(why, HasSubstr("prices:"));
  EXPECT_EQ(reached.back().mark, BudgetReached::kUnpriced) << "no budget is used up";
}

TEST_F(ModelDeskTest, WhatIsBilledByUseNeedsABudgetThatKnowsNoMoney) {
  Json search = message(100);
  search["tools"] = Json::array({{{"type", "web_search_20250305"}, {"name", "web_search"}}});
  who.task_budget.turns = 5;
  EXPECT_EQ(passed(search).number, 1);
}

TEST_F(ModelDeskTest, WhatIsBilledByUseIsRefusedUnderABudgetOfMoney) {
  Json search = message(100);
  search["tools"] = Json::array({{{"type", "web_search_20250305"}, {"name", "web_search"}}});
  who.run_budget.cost_per_day = dsl::Money{5'000'000};
  EXPECT_THAT(refused(search), HasSubstr("pipe-price: the provider's tool 'web_search"));
}

TEST_F(ModelDeskTest, LetsPassWhatIsFreeAndNothingThatItDoesNotKnow) {
  who.task_budget.turns = 0;
  auto counted = ask(message(100), "/v1/messages/count_tokens");
  ASSERT_TRUE(std::holds_alternative<ModelPassage>(counted));
  EXPECT_EQ(std::get<ModelPassage>(counted).number, 0);
  EXPECT_THAT(refused(message(100), "/v1/messages/batches"), testing::StartsWith("404 "));
  EXPECT_THAT(refused(Json::array()), testing::StartsWith("400 the request is no JSON object"));
  EXPECT_EQ(task().spent, Spend{});
}

TEST_F(ModelDeskTest, ErrorsOfTheProviderCostNothing) {
  for (const int status : {400, 401, 429, 500, 529}) {
    end(passed(message(100)), {true, status, true, std::nullopt, false});
  }
  ModelAnswerEnd never;
  never.was_sent = false;
  end(passed(message(100)), never);
  EXPECT_EQ(task().spent, Spend{});
  EXPECT_EQ(task().reserved, Spend{});
}

TEST_F(ModelDeskTest, ACutAnswerCostsWhatItSaidAndOutputAtTheMost) {
  const ModelPassage passage = passed(message(1'000));
  end(passage, {true, 200, false, Usage{50, 0, 0, 0, 1}, false});
  EXPECT_EQ(task().spent, (Spend{{150 + 15'000}, 1'050, 1}));
  EXPECT_EQ(answered.back().how, Settlement::Cut);
}

TEST_F(ModelDeskTest, OfWhichNothingIsKnownCostsAllThatWasHeld) {
  const ModelPassage passage = passed(message(1'000));
  const Spend held = task().reserved;
  end(passage, {true, 200, false, std::nullopt, false});
  EXPECT_EQ(task().spent, held);
  EXPECT_EQ(answered.back().spent, held);
  // An answer without usage is unknown too: it must not be free.
  end(passed(message(1'000)), {true, 200, true, std::nullopt, false});
  EXPECT_EQ(task().spent.turns, 2);
  EXPECT_EQ(task().spent.cost.micros, 2 * held.cost.micros);
}

TEST_F(ModelDeskTest, TellsTheAgentAtEightyAndNinetyFivePerCent) {
  who.task_budget.turns = 20;
  std::vector<std::string> notes;
  for (int turn = 0; turn < 20; ++turn) {
    const ModelPassage passage = passed(message(100));
    notes.push_back(Json::parse(passage.body)["messages"][0]["content"].get<std::string>());
    answer(passage, Usage{1, 0, 0, 0, 1});
  }
  EXPECT_EQ(notes[14], "go on");
  EXPECT_THAT(notes[15], HasSubstr("80 % of the budget")) << "with itself";
  EXPECT_THAT(notes[17], HasSubstr("Come to an end soon"));
  EXPECT_THAT(notes[18], HasSubstr("95 % of the budget"));
  EXPECT_THAT(notes[18], HasSubstr("Stop now"));
  EXPECT_THAT(notes[19], HasSubstr("This is the last request"));
  ASSERT_EQ(reached.size(), 2U) << "each mark is told once";
  EXPECT_EQ(reached[0].mark, 80);
  EXPECT_EQ(reached[1].mark, 95);
}

TEST_F(ModelDeskTest, OfFewTurnsTheLastIsToldThatItIsTheLast) {
  who.task_budget.turns = 3;
  std::vector<std::string> notes;
  for (int turn = 0; turn < 3; ++turn) {
    const ModelPassage passage = passed(message(100));
    notes.push_back(Json::parse(passage.body)["messages"][0]["content"].get<std::string>());
    answer(passage, Usage{1, 0, 0, 0, 1});
  }
  EXPECT_EQ(notes[0], "go on");
  EXPECT_EQ(notes[1], "go on");
  EXPECT_THAT(notes[2], HasSubstr("This is the last request that the budget of this task has"));
  ASSERT_EQ(reached.size(), 1U);
  EXPECT_EQ(reached[0].mark, ModelDesk::kLastMark);
}

TEST_F(ModelDeskTest, TheLastOneThatMoneyHasRoomForIsToldSo) {
  who.task_budget.cost = dsl::Money{100'000};
  std::vector<std::string> notes;
  for (;;) {
    auto decision = ask(message(1'000));
    auto* const passage = std::get_if<ModelPassage>(&decision);
    if (passage == nullptr) {
      break;
    }
    notes.push_back(Json::parse(passage->body)["messages"][0]["content"].get<std::string>());
    answer(*passage, Usage{1'000, 0, 0, 0, 500});  // $0.0105
  }
  ASSERT_GE(notes.size(), 4U);
  EXPECT_EQ(notes[0], "go on");
  EXPECT_EQ(notes[notes.size() - 2].find("may be the last request"), std::string::npos);
  EXPECT_THAT(notes.back(), HasSubstr("This may be the last request"));
}

TEST_F(ModelDeskTest, AStormOfErrorsIsTold) {
  for (int i = 1; i < ModelDesk::kMostUnanswered; ++i) {
    end(passed(message(100)), {true, 500, true, std::nullopt, false});
  }
  EXPECT_EQ(storms.size(), 0U);
  end(passed(message(100)), {true, 500, true, std::nullopt, false});
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_EQ(storms[0],
            "100 requests in a row had no answer of its model, the last: its provider answered "
            "with HTTP 500");
}

TEST_F(ModelDeskTest, AStormOfWhatNobodyMetersIsTold) {
  for (int i = 0; i < ModelDesk::kMostUnanswered; ++i) {
    refused(message(100), "/v1/messages/batches");
  }
  ASSERT_EQ(storms.size(), 1U);
  EXPECT_THAT(storms[0],
              testing::EndsWith("POST /v1/messages/batches is not metered by pipe, and "
                                "refused"));
}

TEST_F(ModelDeskTest, AnAnswerBetweenErrorsIsNoStorm) {
  for (int i = 0; i < 3; ++i) {
    for (int k = 1; k < ModelDesk::kMostUnanswered; ++k) {
      end(passed(message(100)), {true, 529, true, std::nullopt, false});
    }
    answer(passed(message(100)), Usage{1, 0, 0, 0, 1});
  }
  EXPECT_EQ(storms.size(), 0U);
}

TEST_F(ModelDeskTest, AStormOfRequestsAfterRefusalsIsToldOnce) {
  who.task_budget.turns = 0;
  for (int i = 1; i < ModelDesk::kMostRefusals; ++i) {
    refused(message(100));
  }
  EXPECT_EQ(exhausted, 0);
  for (int i = 0; i < 20; ++i) {
    refused(message(100));
  }
  EXPECT_EQ(exhausted, 1);
  EXPECT_EQ(reached.size(), 27U) << "each is told; who hears it tells people once";
}

TEST_F(ModelDeskTest, TellsWhatTheProviderSaysOfItsLimits) {
  ModelAnswerEnd limited{true, 429, true, std::nullopt, false};
  limited.limit = RateLimit{kDeskNow + 1'000, true, false};
  end(passed(message(100)), limited);
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0], *limited.limit);
  EXPECT_EQ(task().spent, Spend{}) << "and charges nothing for it";
}

// Counting has limits of its own, and an agent goes on without it.
TEST_F(ModelDeskTest, ALimitOfWhatIsFreeIsNone) {
  ModelAnswerEnd limited{true, 429, true, std::nullopt, false};
  limited.limit = RateLimit{kDeskNow + 300'000, true, false};
  end(std::get<ModelPassage>(ask(message(100), "/v1/messages/count_tokens")), limited);
  EXPECT_TRUE(limits.empty());
}

TEST_F(ModelDeskTest, WhatNobodyWaitsForAnyMoreIsGivenBack) {
  {
    ModelAccess access;
    access.provider = anthropic();
    access.who = who;
    ModelDesk gone(*meter, list_price, access);
    gone.ask("POST", "/v1/messages", message(100).dump(), [](const ModelDesk::Decision&) {
      FAIL() << "there is nobody to tell";
    });
  }
  meter->work();
  EXPECT_EQ(task().reserved, Spend{});
  EXPECT_EQ(task().spent, Spend{});
}

}  // namespace
}  // namespace runner::test
