#pragma once

// The ledger at work for a gateway: each of its transactions on a thread of its own, in order, so
// that the loop never waits for the disk. Loop thread.

#include <functional>
#include <string>

#include "runner/run/meter.h"
#include "runner/store/ledger_store.h"
#include "runner/sys/event_loop.h"

namespace runner {

class LedgerMeter final : public Meter {
 public:
  /// Both outlive this; nobody else uses the store meanwhile.
  LedgerMeter(EventLoop& loop, LedgerStore& store) : loop_(loop), store_(store), lane_(loop) {}

  void reserve(const Spender& who,
               const std::string& model,
               const SpendAsk& ask,
               std::function<void(Answer)> done) override;
  void settle(std::int64_t number,
              Settlement how,
              dsl::Money cost,
              const Usage& usage,
              std::function<void(dsl::Status)> done) override;

 private:
  EventLoop& loop_;
  LedgerStore& store_;
  EventLoop::Lane lane_;
};

}  // namespace runner
