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

bool asks(const PlanNode& node) {
  return node.kind == NodeKind::Approval ||
         std::any_of(node.criteria.begin(), node.criteria.end(), [](const dsl::Criterion& one) {
           return std::holds_alternative<dsl::ManualCheck>(one.check);
         });
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

bool may_be_sent_back(const RunState& state, std::size_t node) {
  if (asks(state.plan_node(node))) {
    return true;
  }
  // Needs have smaller indices, so that one pass finds all that is below.
  const NodeIndex from = state.nodes()[node].plan_node;
  const auto& nodes = state.plan().nodes;
  std::vector<bool> below(nodes.size(), false);
  below[from] = true;
  for (NodeIndex i = from + 1; i < nodes.size(); ++i) {
    below[i] = std::any_of(
        nodes[i].needs.begin(), nodes[i].needs.end(), [&](NodeIndex need) { return below[need]; });
    if (below[i] && asks(nodes[i]) && nodes[i].command.argv.empty()) {
      return true;
    }
  }
  return false;
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
