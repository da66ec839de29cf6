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

dsl::Result<std::vector<ModelAnswered>> ModelLedger::charge_open(const dsl::RunId& run) {
  if (ledger_ == nullptr) {
    return std::vector<ModelAnswered>();
  }
  return ledger_->charge_open(run, loop_.wall_ms());
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
