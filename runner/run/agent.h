#pragma once

// How an agent's work ended, as one typed outcome, and who finds it out. It is what the agent says
// and how its container ended; whether the work is good is for the criteria alone.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/agent.h"
#include "dsl/units.h"
#include "runner/run/job.h"

namespace runner {

/// Texts are valid UTF-8 and bounded. Figures are absent where the agent told none.
struct AgentOutcome {
  dsl::AgentReason reason = dsl::AgentReason::Crash;
  std::string session;  // by which it can go on; "" none
  std::string model;
  std::optional<std::int64_t> turns;
  std::optional<dsl::Money> cost;  // its own figure, never believed for a budget
  std::optional<dsl::Tokens> input_tokens;
  std::optional<dsl::Tokens> output_tokens;
  std::optional<dsl::Tokens> cached_tokens;
  std::string claim;  // the end of what it said that it did
  std::vector<std::string> errors;
  std::vector<std::string> denials;  // tools that were refused to it
  std::int64_t resets_at_s = 0;      // RateWindow: seconds since the epoch; 0 unknown
  std::int64_t unread_lines = 0;     // no JSON, or too long

  bool operator==(const AgentOutcome&) const = default;
};

/// "the agent stopped: turns (Reached maximum number of turns (3))"; "" for Done.
std::string problem_of(const AgentOutcome& outcome);

/// Reads what one agent writes. Loop thread; never blocks. Real: agent/stream_reader.
class AgentReader {
 public:
  AgentReader() = default;
  AgentReader(const AgentReader&) = delete;
  AgentReader& operator=(const AgentReader&) = delete;
  virtual ~AgentReader() = default;

  /// The next bytes, cut anywhere.
  virtual void read(std::string_view bytes) = 0;
  /// It said its last word; a process that goes on after it need not be waited for.
  [[nodiscard]] virtual bool has_ended() const = 0;
  /// All that was read, and how its container ended. Called once.
  virtual AgentOutcome conclude(const JobEnd& end) = 0;
};

/// Makes the reader of an agent; `agent` outlives it.
using MakeAgentReader = std::function<std::unique_ptr<AgentReader>(const dsl::Agent& agent)>;

}  // namespace runner
