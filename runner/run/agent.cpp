#include "runner/run/agent.h"

#include <fmt/format.h>

#include "dsl/plan_words.h"

namespace runner {

std::string problem_of(const AgentOutcome& outcome) {
  if (outcome.reason == dsl::AgentReason::Done) {
    return "";
  }
  std::string text = fmt::format("the agent stopped: {}", dsl::word_of(outcome.reason));
  if (!outcome.denials.empty()) {
    text += fmt::format(" ({})", fmt::join(outcome.denials, ", "));
  } else if (!outcome.errors.empty()) {
    text += fmt::format(" ({})", outcome.errors.back());
  }
  return text;
}

}  // namespace runner
