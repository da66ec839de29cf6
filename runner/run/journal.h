#pragma once

// The journal of one run: its events, in order, for good. Real: store/journal (SQLite).

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

  /// Commits all events in one transaction. Success: they survive a crash of the machine. Error:
  /// none of them is in the journal. REQUIRES: their sequence numbers follow the last one.
  virtual dsl::Status append(const std::vector<Event>& events) = 0;
};

}  // namespace runner
