#pragma once

// The accounts of what a run's agents ask of models: opened for the run, and handed to the gateway.
// Loop thread.

#include <memory>
#include <string>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/net/gateway.h"
#include "runner/run/meter.h"
#include "runner/store/ledger_meter.h"
#include "runner/store/ledger_store.h"
#include "runner/sys/event_loop.h"

namespace runner {

class ModelLedger {
 public:
  explicit ModelLedger(EventLoop& loop) : loop_(loop) {}

  /// The user's ledger, or a rehearsal's own. Opens nothing where nothing in `plan` is metered.
  dsl::Status open(const dsl::Plan& plan, const std::string& folder);

  /// Whoever held the run before is dead, and nobody knows what its last requests took: they are
  /// charged in full. All that was charged to the run since then is told, since its journal may not
  /// have the last of it either.
  dsl::Result<std::vector<ModelAnswered>> settle_dead(const dsl::RunId& run, std::int64_t since_ms);

  /// Looks at this; without upstreams of its own. Meters nothing where nothing was opened.
  ModelMetering metering(const dsl::Plan& plan) const;

 private:
  EventLoop& loop_;
  std::unique_ptr<LedgerStore> ledger_;  // null: nothing is metered
  std::unique_ptr<LedgerMeter> meter_;   // writes down what is left before the ledger closes
};

}  // namespace runner
