#include "runner/app/model_ledger.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "dsl/prices.h"
#include "runner/run/meter.h"

namespace runner {

using dsl::Status;

Status ModelLedger::open(const dsl::Plan& plan, const std::string& folder) {
  if (std::none_of(plan.nodes.begin(), plan.nodes.end(), is_metered)) {
    return dsl::Ok{};
  }
  auto ledger = LedgerStore::open(ledger_path(folder));
  if (!ledger) {
    return ledger.error();
  }
  ledger_ = *std::move(ledger);
  meter_ = std::make_unique<LedgerMeter>(loop_, *ledger_);
  return dsl::Ok{};
}

dsl::Result<std::vector<ModelAnswered>> ModelLedger::settle_dead(const dsl::RunId& run,
                                                                 std::int64_t since_ms) {
  std::vector<ModelAnswered> charged;
  if (ledger_ == nullptr) {
    return charged;
  }
  if (const auto open = ledger_->charge_open(run, loop_.wall_ms()); !open) {
    return open.error();
  }
  const Status read = ledger_->for_each(since_ms, [&](const LedgerEntry& entry) {
    if (entry.run == run.value && entry.settlement != Settlement::Free) {
      charged.push_back({dsl::NodeId(entry.task),
                         entry.number,
                         entry.model,
                         entry.settlement,
                         entry.spent,
                         entry.usage});
    }
    return true;
  });
  return read ? dsl::Result<std::vector<ModelAnswered>>(std::move(charged)) : read.error();
}

ModelMetering ModelLedger::metering(const dsl::Plan& plan) const {
  ModelMetering how;
  if (meter_ != nullptr) {
    how.meter = meter_.get();
    how.price_of = [prices = dsl::PriceTable::standard().with(plan.prices)](
                       std::string_view model) { return prices.find(model); };
  }
  return how;
}

}  // namespace runner
