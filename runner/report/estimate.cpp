#include "runner/report/estimate.h"

#include <algorithm>
#include <vector>

namespace runner::report {
namespace {

bool has_work(const RunState& state, std::size_t node) {
  return state.plan_node(node).kind == dsl::NodeKind::Task && state.nodes()[node].instances.empty();
}

/// The mean of what tasks took that ran in this run, where any did.
std::optional<std::int64_t> usual(const RunState& state) {
  std::int64_t sum = 0;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const NodeState& node = state.nodes()[i];
    if (has_work(state, i) && node.outcome == Outcome::Passed && !node.reused) {
      sum += state.took_ms(i, 0);
      ++count;
    }
  }
  return count == 0 ? std::nullopt : std::optional(sum / count);
}

}  // namespace

std::optional<std::int64_t> time_left(const RunState& state,
                                      std::int64_t jobs,
                                      std::int64_t now_ms) {
  const std::optional<std::int64_t> guess = usual(state);
  const auto& nodes = state.nodes();
  std::vector<std::int64_t> own(nodes.size(), 0);
  std::int64_t work = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].outcome || !has_work(state, i)) {
      continue;
    }
    const std::int64_t expected = state.expected_ms(i);
    if (expected == 0 && !guess) {
      return std::nullopt;
    }
    const std::int64_t whole = expected != 0 ? expected : *guess;
    const std::int64_t spent = state.took_ms(i, now_ms);
    own[i] = std::max<std::int64_t>(whole - spent, 0);
    work += own[i];
    if (nodes[i].group) {
      own[*nodes[i].group] = std::max(own[*nodes[i].group], own[i]);
    }
  }
  std::vector<std::int64_t> end(state.plan().nodes.size(), 0);
  std::int64_t longest = 0;
  for (std::size_t i = 0; i < end.size(); ++i) {
    for (const dsl::NodeIndex need : state.plan().nodes[i].needs) {
      end[i] = std::max(end[i], end[need]);
    }
    end[i] += own[i];
    longest = std::max(longest, end[i]);
  }
  return std::max(longest, work / std::max<std::int64_t>(jobs, 1));
}

}  // namespace runner::report
