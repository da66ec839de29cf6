#pragma once

// The journal of one run: its events, in order, for good. Real: store/journal (SQLite).

#include <functional>
#include <memory>
#include <vector>

#include "dsl/result.h"
#include "runner/run/event.h"

namespace runner {

class Journal {
 public:
  Journal() = default;
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  virtual ~Journal() = default;

  /// Commits all events in one transaction, and tells `done` on the loop thread, never inside the
  /// call. Success: they survive a crash of the machine. Error: none of them is in the journal.
  /// REQUIRES: their sequence numbers follow the last one; no other append is under way.
  virtual void append(std::shared_ptr<const std::vector<Event>> events,
                      std::function<void(dsl::Status)> done) = 0;
};

}  // namespace runner
