#pragma once

// What the tests of the desk work with: a ledger that answers at once, and prices.

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "runner/net/model_desk.h"
#include "runner/store/ledger_store.h"

namespace runner::test {

using Json = nlohmann::json;

inline constexpr std::int64_t kDeskNow = 1'795'262'400'000;

/// The ledger at once, in the order of the calls; answers come when the test says so.
class DirectMeter final : public Meter {
 public:
  explicit DirectMeter(LedgerStore& store) : store_(store) {}

  void reserve(const Spender& who,
               const std::string& model,
               const SpendAsk& ask,
               std::function<void(Answer)> done) override {
    later.push_back([this, who, model, ask, done = std::move(done)] {
      done(store_.reserve(who, model, ask, kDeskNow));
    });
  }
  void settle(std::int64_t number,
              Settlement how,
              dsl::Money cost,
              const Usage& usage,
              std::function<void(dsl::Status)> done) override {
    later.push_back([this, number, how, cost, usage, done = std::move(done)] {
      done(store_.settle(number, how, cost, usage, kDeskNow));
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

inline dsl::AgentProvider anthropic() {
  return {dsl::ModelDialect::Anthropic, "api.anthropic.com", "ANTHROPIC_BASE_URL", ""};
}

/// Billionths of a dollar: input, output, and a cache's.
inline std::optional<dsl::ModelPrice> list_price(std::string_view model) {
  if (model == "claude-sonnet-4-5") {
    return dsl::ModelPrice{{3'000, 15'000, 300, 3'750, 6'000}, 0, {}};
  }
  if (model == "claude-haiku-4-5") {
    return dsl::ModelPrice{{1'000, 5'000, 100, 1'250, 2'000}, 0, {}};
  }
  return std::nullopt;
}

inline Json message(std::int64_t max_tokens, const std::string& model = "claude-sonnet-4-5") {
  return {{"model", model},
          {"max_tokens", max_tokens},
          {"messages", Json::array({{{"role", "user"}, {"content", "go on"}}})}};
}

}  // namespace runner::test
