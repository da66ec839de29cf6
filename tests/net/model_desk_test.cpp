// What is let go to a model, and what is charged for it.

#include "runner/net/model_desk.h"

#include <array>
#include <deque>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/store/ledger_store.h"
#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

constexpr std::int64_t kNow = 1'795'262'400'000;

/// The ledger at once, in the order of the calls; answers come when the test says so.
class DirectMeter final : public Meter {
 public:
  explicit DirectMeter(LedgerStore& store) : store_(store) {}

  void reserve(const Spender& who,
               const std::string& model,
               const SpendAsk& ask,
               std::function<void(Answer)> done) override {
    later.push_back([this, who, model, ask, done = std::move(done)] {
      done(store_.reserve(who, model, ask, kNow));
    });
  }
  void settle(std::int64_t number,
              Settlement how,
              dsl::Money cost,
              const Usage& usage,
              std::function<void(dsl::Status)> done) override {
    later.push_back([this, number, how, cost, usage, done = std::move(done)] {
      done(store_.settle(number, how, cost, usage, kNow));
    });
  }
  void work() {
    while (!later.empty()) {
      const auto next = std::move(later.front());
      later.pop_front();
      next();
    }
  }

  std::deque<std::function<void()>> later;

 private:
  LedgerStore& store_;
};

dsl::AgentProvider anthropic() {
  return {dsl::ModelDialect::Anthropic, "api.anthropic.com", "ANTHROPIC_BASE_URL", ""};
}

/// Billionths of a dollar: input, output, and a cache's.
std::optional<dsl::ModelPrice> list_price(std::string_view model) {
  if (model == "claude-sonnet-4-5") {
    return dsl::ModelPrice{{3'000, 15'000, 300, 3'750, 6'000}, 0, {}};
  }
  if (model == "claude-haiku-4-5") {
    return dsl::ModelPrice{{1'000, 5'000, 100, 1'250, 2'000}, 0, {}};
  }
  return std::nullopt;
}

Json message(std::int64_t max_tokens, const std::string& model = "claude-sonnet-4-5") {
  return {{"model", model},
          {"max_tokens", max_tokens},
          {"messages", Json::array({{{"role", "user"}, {"content", "go on"}}})}};
}

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
      desk_ = std::make_unique<ModelDesk>(*meter, list_price, std::move(access));
    }
    return *desk_;
  }

  ModelDesk::Decision ask(const Json& body, const std::string& target = "/v1/messages") {
    std::optional<ModelDesk::Decision> decision;
    desk().ask(
        "POST", target, body.dump(), [&](ModelDesk::Decision one) { decision = std::move(one); });
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
  Account task() { return (*ledger->accounts(who, kNow))[0]; }

  TempFolder folder;
  std::unique_ptr<LedgerStore> ledger;
  std::unique_ptr<DirectMeter> meter;
  Spender who;
  std::vector<ModelAnswered> answered;
  std::vector<BudgetReached> reached;
  std::vector<RateLimit> limits;
  int exhausted = 0;

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
  EXPECT_EQ(notes[15], "go on");
  EXPECT_THAT(notes[16], HasSubstr("80 % of the budget"));
  EXPECT_THAT(notes[18], HasSubstr("Come to an end soon"));
  EXPECT_THAT(notes[19], HasSubstr("Stop now"));
  ASSERT_EQ(reached.size(), 2U) << "each mark is told once";
  EXPECT_EQ(reached[0].mark, 80);
  EXPECT_EQ(reached[1].mark, 95);
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
  limited.limit = RateLimit{kNow + 1'000, true, false};
  end(passed(message(100)), limited);
  ASSERT_EQ(limits.size(), 1U);
  EXPECT_EQ(limits[0], *limited.limit);
  EXPECT_EQ(task().spent, Spend{}) << "and charges nothing for it";
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

// ---- Whatever happens --------------------------------------------------------------------------

/// Eight agents, two runs, one provider: requests, answers, errors, cut streams and killed runners
/// in an order by chance.
class Interleaving {
 public:
  Interleaving(const std::string& path, std::uint32_t seed, const PriceOf& prices)
      : path_(path), prices_(prices), random_(seed) {
    for (std::size_t i = 0; i < kNodes; ++i) {
      Spender who;
      who.run = dsl::RunId("s" + std::to_string(seed) + (i % 2 == 0 ? "a" : "b"));
      who.pipeline = "p";
      who.phase = "p" + std::to_string(i % 4 / 2);
      who.task = dsl::NodeId(std::to_string(i));
      who.task_budget.cost = dsl::Money{below(150'000)};
      who.task_budget.turns = below(9);
      who.phase_budget.tokens = dsl::Tokens{20'000};
      who.run_budget.cost = dsl::Money{200'000};
      nodes_.push_back(std::move(who));
    }
    start();
  }

  void play() {
    const std::int64_t steps = 10 + below(20);
    for (std::int64_t step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      const std::int64_t what = below(20);
      if (what == 0) {
        kill_runner();
      } else if (what < 8) {
        ask(static_cast<std::size_t>(below(kNodes)));
      } else if (what < 14) {
        work_once();
      } else {
        end_one();
      }
      check(nodes_[touched_]);  // a step moves the accounts of one node
    }
    while (!under_way_.empty() || !meter_->later.empty()) {
      end_one();
      meter_->work();
    }
    for (const Spender& who : nodes_) {
      check(who);
    }
    EXPECT_EQ(recorded(), exactly_ + at_most_) << "to the millionth";
    EXPECT_LE(billed_beyond_, at_most_) << "the provider billed no more than was charged";
  }

 private:
  static constexpr std::size_t kNodes = 8;
  struct UnderWay {
    std::size_t node = 0;
    ModelPassage passage;
  };

  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

  void start() {
    ledger_ = *LedgerStore::open(path_);
    meter_ = std::make_unique<DirectMeter>(*ledger_);
    for (const Spender& who : nodes_) {
      ModelAccess access;
      access.provider = anthropic();
      access.who = who;
      desks_.push_back(std::make_unique<ModelDesk>(*meter_, prices_, std::move(access)));
    }
  }

  void ask(std::size_t node) {
    touched_ = node;
    static constexpr std::array kModels = {"claude-sonnet-4-5", "claude-haiku-4-5", "nobody-knows"};
    const Json body = message(200 + below(3'000), kModels[static_cast<std::size_t>(below(3))]);
    desks_[node]->ask(
        "POST", "/v1/messages", body.dump(), [this, node](ModelDesk::Decision decided) {
          touched_ = node;
          if (auto* const passage = std::get_if<ModelPassage>(&decided)) {
            under_way_.push_back({node, std::move(*passage)});
          }
        });
  }

  void work_once() {
    if (!meter_->later.empty()) {
      const auto next = std::move(meter_->later.front());
      meter_->later.pop_front();
      next();
    }
  }

  /// The provider reads what was sent, and bills by its own list.
  Usage bill(const ModelPassage& passage) {
    const Json sent = Json::parse(passage.body);
    const auto read = static_cast<std::int64_t>(passage.body.size()) / (2 + below(3));
    Usage usage;
    usage.cache_read_tokens = below(read + 1);
    usage.cache_write_long_tokens = below(read - usage.cache_read_tokens + 1);
    usage.input_tokens = read - usage.cache_read_tokens - usage.cache_write_long_tokens;
    usage.output_tokens = below(sent["max_tokens"].get<std::int64_t>() + 1);
    return usage;
  }
  static std::int64_t price(const ModelPassage& passage, const Usage& usage) {
    const bool sonnet = passage.model == "claude-sonnet-4-5";
    const std::int64_t nanos = usage.input_tokens * (sonnet ? 3'000 : 1'000) +
                               usage.cache_read_tokens * (sonnet ? 300 : 100) +
                               usage.cache_write_long_tokens * (sonnet ? 6'000 : 2'000) +
                               usage.output_tokens * (sonnet ? 15'000 : 5'000);
    return (nanos + 999) / 1'000;
  }

  void end_one() {
    if (under_way_.empty()) {
      return;
    }
    const auto place = under_way_.begin() + below(static_cast<std::int64_t>(under_way_.size()));
    const UnderWay one = std::move(*place);
    under_way_.erase(place);
    touched_ = one.node;
    const Usage usage = bill(one.passage);
    const std::int64_t how = below(10);
    ModelAnswerEnd end{true, 200, true, usage, true};
    if (how == 0) {
      end = {true, 529, true, std::nullopt, false};
    } else if (how == 1) {  // cut behind its first event
      end.is_whole = false;
      end.usage_is_final = false;
      end.usage->output_tokens = 1;
      Usage most = usage;
      most.output_tokens = std::max<std::int64_t>(one.passage.output_tokens, 1);
      at_most_ += price(one.passage, most);
      billed_beyond_ += price(one.passage, usage);
    } else if (how == 2) {  // cut before it
      end = {true, 200, false, std::nullopt, false};
      at_most_ += one.passage.reserved.cost.micros;
      billed_beyond_ += price(one.passage, usage);
    } else {
      exactly_ += price(one.passage, usage);
    }
    desks_[one.node]->settle(one.passage, end);
    meter_->work();
  }

  /// Both runs die in the middle of what they do, and are resumed.
  void kill_runner() {
    meter_->later.clear();
    desks_.clear();
    for (const UnderWay& one : under_way_) {
      billed_beyond_ += price(one.passage, bill(one.passage));
    }
    under_way_.clear();
    meter_.reset();
    ledger_.reset();
    const std::int64_t before = (start(), recorded());
    for (const std::size_t run : {0U, 1U}) {
      ASSERT_TRUE(ledger_->charge_open(nodes_[run].run, kNow));
    }
    at_most_ += recorded() - before;
  }

  void check(const Spender& who) {
    const auto accounts = ledger_->accounts(who, kNow);
    ASSERT_TRUE(accounts);
    for (const Account& account : *accounts) {
      const Spend& spent = account.spent;
      const Spend& held = account.reserved;
      ASSERT_TRUE(held.cost.micros >= 0 && held.tokens >= 0 && held.turns >= 0);
      ASSERT_TRUE(!account.cost_cap ||
                  spent.cost.micros + held.cost.micros <= account.cost_cap->micros);
      ASSERT_TRUE(!account.token_cap || spent.tokens + held.tokens <= *account.token_cap);
      ASSERT_TRUE(!account.turn_cap || spent.turns + held.turns <= *account.turn_cap);
    }
  }

  std::int64_t recorded() {
    std::int64_t total = 0;
    for (const std::size_t run : {0U, 1U}) {
      const auto accounts = ledger_->accounts(nodes_[run], kNow);
      total += accounts ? (*accounts)[2].spent.cost.micros : -1;
    }
    return total;
  }

  const std::string path_;
  const PriceOf& prices_;
  std::mt19937_64 random_;
  std::vector<Spender> nodes_;
  std::unique_ptr<LedgerStore> ledger_;
  std::unique_ptr<DirectMeter> meter_;
  std::vector<std::unique_ptr<ModelDesk>> desks_;
  std::vector<UnderWay> under_way_;
  std::size_t touched_ = 0;
  std::int64_t exactly_ = 0;        // of answers that came to their end: what the provider billed
  std::int64_t at_most_ = 0;        // charged for the others,
  std::int64_t billed_beyond_ = 0;  // and what the provider billed for them
};

TEST(ModelDeskProperty, NoInterleavingOverspendsAndTheLedgerIsWhatTheProviderBilled) {
  // In memory where the machine has such a folder: durability is SQLite's, and tested elsewhere.
  if (exists("/dev/shm")) {
    ::setenv("TMPDIR", "/dev/shm", 1);
  }
  const TempFolder folder;
  const PriceOf prices = list_price;
  for (std::uint32_t seed = 1; seed <= 10'000; ++seed) {
    Interleaving(folder / "ledger.db", seed, prices).play();
    if (testing::Test::HasFailure()) {
      FAIL() << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace runner::test
