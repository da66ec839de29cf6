#pragma once

// What a list of runs says of one run. A runner that has seen a run through keeps it beside the
// journal (`summary.json`), so that a list need not fold the journals of all that ever ran: nothing
// is added to the journal of such a run any more. Any thread; pure.

#include <cstdint>
#include <optional>
#include <string>

#include "dsl/result.h"
#include "runner/run/run_state.h"

namespace runner::report {

struct RunSummary {
  std::string pipeline;
  std::optional<Outcome> outcome;  // absent: not finished
  std::int64_t started_ms = 0;     // wall clock; 0: not started
  std::int64_t last_ms = 0;        // wall clock, of the last event
  std::int64_t took_ms = 0;        // without the times in which no runner lived
  std::int64_t tasks = 0;          // instances in the place of what they are instances of
  std::int64_t settled = 0;        // of these
  std::string delivered;           // where the result is, "" nowhere

  [[nodiscard]] bool operator==(const RunSummary&) const = default;
};

RunSummary summarise(const RunState& state);

std::string summary_to_json(const RunSummary& summary);
/// An Error for anything but what summary_to_json writes.
dsl::Result<RunSummary> summary_from_json(const std::string& json);

/// "passed", "failed", "error", "skipped": in everything that programs read.
std::string_view outcome_word(Outcome outcome);

}  // namespace runner::report
