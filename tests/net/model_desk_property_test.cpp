// Whatever happens: no budget is overdrawn, and what is charged is what the provider billed.

#include <array>
#include <cstdlib>
#include <random>

#include <gtest/gtest.h>

#include "runner/model/usage_reader.h"
#include "tests/net/desk_ledger.h"
#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

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
      who.task_budget.cost = dsl::Money{below(200'000)};
      who.task_budget.turns = below(9);
      who.phase_budget.tokens = dsl::Tokens{40'000};
      who.run_budget.cost = dsl::Money{300'000};
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

  /// What it asks is from 30 bytes to 9 kB long, and may be written to a cache or not.
  void ask(std::size_t node) {
    touched_ = node;
    static constexpr std::array kModels = {"claude-sonnet-4-5", "claude-haiku-4-5", "nobody-knows"};
    Json body = message(200 + below(3'000), kModels[static_cast<std::size_t>(below(3))]);
    const std::int64_t bytes_of_a_token = 1 + below(4);
    std::string text(static_cast<std::size_t>(30 + below(3) * below(4'500)), 'x');
    text.front() = static_cast<char>('0' + bytes_of_a_token);
    Json part = {{"type", "text"}, {"text", std::move(text)}};
    if (below(2) == 0) {
      part["cache_control"] = {{"type", "ephemeral"}, {"ttl", "1h"}};
    }
    body["messages"][0]["content"] = Json::array({std::move(part)});
    desks_[node]->ask(
        "POST",
        "/v1/messages",
        body.dump(),
        [this, node](ModelDesk::Decision decided) {
          touched_ = node;
          if (auto* const passage = std::get_if<ModelPassage>(&decided)) {
            under_way_.push_back({node, std::move(*passage)});
          }
        },
        [this](const CountRequest& question,
               const std::function<void(std::optional<std::string>)>& answered) {
          meter_->later.push_back([this, question, answered] { answered(count(question)); });
        });
  }

  /// The tokens of what it is sent, whatever a gateway takes them for.
  static std::int64_t tokens_of(const Json& sent) {
    std::int64_t bytes = 0;
    for (const Json& part : sent["messages"][0]["content"]) {
      bytes += static_cast<std::int64_t>(part["text"].get<std::string>().size());
    }
    const char first = sent["messages"][0]["content"][0]["text"].get<std::string>().front();
    constexpr std::int64_t kOfItsOwn = 900;  // tools, roles
    return kOfItsOwn + bytes / (first - '0');
  }

  /// An estimate, as its makers say; and not always one.
  std::optional<std::string> count(const CountRequest& question) {
    const std::int64_t tokens = tokens_of(Json::parse(question.body));
    switch (below(6)) {
      case 0:
        return std::nullopt;
      case 1:
        return R"({"type":"error"})";
      default:
        return Json{{"input_tokens", tokens - tokens * below(5) / 100}}.dump();
    }
  }

  void work_once() {
    if (!meter_->later.empty()) {
      const auto next = std::move(meter_->later.front());
      meter_->later.pop_front();
      next();
    }
  }

  /// The provider reads what was sent, all of it, and bills by its own list; often as much as it
  /// may by its own rules: what is to be cached is written, and output goes to its limit.
  Usage bill(const ModelPassage& passage) {
    const Json sent = Json::parse(passage.body);
    const std::int64_t read = tokens_of(sent);
    Usage usage;
    usage.cache_read_tokens = below(2) * below(read + 1);
    std::int64_t& rest = sent["messages"][0]["content"][0].contains("cache_control")
                             ? usage.cache_write_long_tokens
                             : usage.input_tokens;
    rest = read - usage.cache_read_tokens;
    const std::int64_t most = sent["max_tokens"].get<std::int64_t>();
    usage.output_tokens = below(3) == 0 ? most : below(most + 1);
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
    ModelAnswerEnd end;
    if (how == 0) {
      end = {true, 529, true, std::nullopt, false};
    } else if (how == 1) {  // cut behind its first event
      end = heard(event("message_start", {{"message", {{"usage", told_at_first(usage)}}}}),
                  "text/event-stream");
      end.is_whole = false;
      Usage most = usage;
      most.output_tokens = std::max<std::int64_t>(one.passage.output_tokens, 1);
      at_most_ += price(one.passage, most);
      billed_beyond_ += price(one.passage, usage);
    } else if (how == 2) {  // cut before it
      end = {true, 200, false, std::nullopt, false};
      at_most_ += one.passage.reserved.cost.micros;
      billed_beyond_ += price(one.passage, usage);
    } else if (how == 3) {  // it comes to its end, and nobody can say what it took
      static const std::array<Json, 6> kOdd = {Json(),
                                               Json::object(),
                                               Json{{"input_tokens", -5}, {"output_tokens", -1}},
                                               Json{{"input_tokens", "9"}, {"output_tokens", "9"}},
                                               Json{{"prompt_tokens", 9}, {"output_tokens", 9}},
                                               Json::array({1, 2})};
      end = heard(Json{{"type", "message"},
                       {"stop_reason", "end_turn"},
                       {"usage", kOdd[static_cast<std::size_t>(below(6))]}}
                      .dump(),
                  "application/json");
      at_most_ += one.passage.reserved.cost.micros;
      billed_beyond_ += price(one.passage, usage);
    } else if (how == 4) {
      end = heard(event("message_start", {{"message", {{"usage", told_at_first(usage)}}}}) +
                      event("message_delta",
                            {{"delta", {{"stop_reason", "end_turn"}}},
                             {"usage", {{"output_tokens", usage.output_tokens}}}}),
                  "text/event-stream");
      exactly_ += price(one.passage, usage);
    } else {
      Json told = told_at_first(usage);
      told["output_tokens"] = usage.output_tokens;
      end = heard(Json{{"type", "message"}, {"stop_reason", "end_turn"}, {"usage", told}}.dump(),
                  "application/json");
      exactly_ += price(one.passage, usage);
    }
    desks_[one.node]->settle(one.passage, end);
    meter_->work();
  }

  static Json told_at_first(const Usage& usage) {
    return {{"input_tokens", usage.input_tokens},
            {"cache_read_input_tokens", usage.cache_read_tokens},
            {"cache_creation_input_tokens", usage.cache_write_long_tokens},
            {"cache_creation", {{"ephemeral_1h_input_tokens", usage.cache_write_long_tokens}}},
            {"output_tokens", 1}};
  }
  static std::string event(const std::string& type, Json more) {
    more["type"] = type;
    return "event: " + type + "\ndata: " + more.dump() + "\n\n";
  }
  /// What the gateway makes of these bytes.
  static ModelAnswerEnd heard(const std::string& body, const char* content_type) {
    UsageReader reader(ModelApi::Messages, content_type, "");
    reader.read(body);
    reader.finish();
    return {true, 200, true, reader.usage(), reader.is_final()};
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
      ASSERT_TRUE(ledger_->charge_open(nodes_[run].run, kDeskNow));
    }
    at_most_ += recorded() - before;
  }

  void check(const Spender& who) {
    const auto accounts = ledger_->accounts(who, kDeskNow);
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
      const auto accounts = ledger_->accounts(nodes_[run], kDeskNow);
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
