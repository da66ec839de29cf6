#include "runner/store/ledger_meter.h"

#include <memory>
#include <optional>
#include <utility>

namespace runner {

void LedgerMeter::reserve(const Spender& who,
                          const std::string& model,
                          const SpendAsk& ask,
                          std::function<void(Answer)> done) {
  const auto answer = std::make_shared<std::optional<Answer>>();
  lane_.run(
      [this, who, model, ask, now = loop_.wall_ms(), answer] {
        *answer = store_.reserve(who, model, ask, now);
      },
      [answer, done = std::move(done)] { done(std::move(**answer)); });
}

void LedgerMeter::settle(std::int64_t number,
                         Settlement how,
                         dsl::Money cost,
                         const Usage& usage,
                         std::function<void(dsl::Status)> done) {
  const auto settled = std::make_shared<dsl::Status>(dsl::Ok{});
  lane_.run(
      [this, number, how, cost, usage, now = loop_.wall_ms(), settled] {
        *settled = store_.settle(number, how, cost, usage, now);
      },
      [settled, done = std::move(done)] { done(*settled); });
}

}  // namespace runner
