#include "runner/run/owed.h"

namespace runner {

Owed owed(const RunState& state) {
  if (state.outcome() != Outcome::Passed || !state.undone().empty()) {
    return Owed::Nothing;
  }
  if (state.delivered().empty()) {
    return Owed::Delivery;
  }
  const dsl::Git& git = state.plan().git;
  if (!git.push || state.result().commit == state.input().commit) {
    return Owed::Nothing;
  }
  if (state.pushed().empty()) {
    return Owed::Push;
  }
  return git.pull_request && state.pull_request().empty() ? Owed::PullRequest : Owed::Nothing;
}

}  // namespace runner
