#include "runner/run/review.h"

#include <algorithm>

#include "runner/run/flagged.h"

namespace runner {

namespace {

using dsl::NodeIndex;
using dsl::NodeKind;
using dsl::PlanNode;

bool has_worked(const RunState& state, NodeIndex node) {
  return !state.plan().nodes[node].command.argv.empty() &&
         state.nodes()[node].outcome != Outcome::Skipped;
}

/// The nearest nodes above on each way for which `wanted` holds.
template <class Wanted>
std::vector<std::size_t> nearest_above(const RunState& state, std::size_t node, Wanted wanted) {
  std::vector<bool> seen(state.plan().nodes.size(), false);
  std::vector<NodeIndex> ahead = state.needs(node);
  std::vector<std::size_t> found;
  while (!ahead.empty()) {
    const NodeIndex one = ahead.back();
    ahead.pop_back();
    if (seen[one]) {
      continue;
    }
    seen[one] = true;
    if (wanted(one)) {
      found.push_back(one);
      continue;
    }
    const auto& needs = state.plan().nodes[one].needs;
    ahead.insert(ahead.end(), needs.begin(), needs.end());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::string question_of(const dsl::Criterion& criterion, const NodeState& node) {
  if (const auto* manual = std::get_if<dsl::ManualCheck>(&criterion.check)) {
    return manual->question.empty() ? criterion.text : manual->question;
  }
  const auto* flagged = std::get_if<dsl::FlaggedCheck>(&criterion.check);
  const bool asks = flagged != nullptr && flagged->rule == dsl::Flagged::Approve;
  return asks && !node.flagged.empty() ? flagged_text(node.flagged) : "";
}

std::vector<Question> open_questions(const RunState& state) {
  std::vector<Question> open;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const NodeState& node = state.nodes()[i];
    const PlanNode& plan = state.plan_node(i);
    if (node.stage == Stage::Asking && !node.approved) {
      open.push_back({i, -1, plan.approval});
    }
    for (std::size_t k = 0; k < node.criteria.size() && node.stage == Stage::Checking; ++k) {
      if (node.criteria[k].asked && !node.criteria[k].verdict) {
        open.push_back({i, static_cast<std::int64_t>(k), question_of(plan.criteria[k], node)});
      }
    }
  }
  return open;
}

bool can_be_told(const PlanNode& node) {
  return node.agent || (!node.command.argv.empty() && node.retry.feedback);
}

std::vector<std::size_t> reviewed_by(const RunState& state, std::size_t node) {
  if (!state.plan_node(node).command.argv.empty()) {
    return {node};
  }
  std::vector<std::size_t> told = nearest_above(state, node, [&](NodeIndex one) {
    return has_worked(state, one) && can_be_told(state.plan().nodes[one]);
  });
  if (!told.empty()) {
    return told;
  }
  return nearest_above(state, node, [&](NodeIndex one) { return has_worked(state, one); });
}

bool is_work_above(const RunState& state, std::size_t work, std::size_t node) {
  const NodeIndex wanted = state.nodes()[work].plan_node;
  if (work == node) {
    return true;
  }
  return has_worked(state, wanted) &&
         !nearest_above(state, node, [&](NodeIndex one) { return one == wanted; }).empty();
}

}  // namespace runner
