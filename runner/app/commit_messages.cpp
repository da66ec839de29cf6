#include "runner/app/commit_messages.h"

#include <unordered_map>

#include <fmt/format.h>

namespace runner {
namespace {

using Costs = std::unordered_map<std::string, dsl::Money>;  // by node

Costs costs_of(const std::vector<Event>& events) {
  Costs costs;
  for (const Event& event : events) {
    const auto* ended = std::get_if<AttemptEnded>(&event.what);
    if (ended != nullptr && ended->agent && ended->agent->cost) {
      costs[ended->node.value].micros += ended->agent->cost->micros;
    }
  }
  return costs;
}

std::string message_of(const RunState& state, const NodeState& node, const Costs& costs) {
  const dsl::PlanNode& plan = state.plan().nodes[node.plan_node];
  std::string message = node.id.value + ": ";
  message += plan.description.empty() ? "work of phase " + plan.phase
                                      : plan.description.substr(0, plan.description.find('\n'));
  message += "\n\n";
  message += "Pipe-Run: " + state.run().value + "\n";
  message += "Pipe-Task: " + node.id.value + "\n";
  if (node.reused) {
    message += "Pipe-Reused-From: " + node.reused_from.value + "\n";
  } else {
    message += fmt::format("Pipe-Attempt: {}\n", node.attempt);
  }
  message += "Pipe-Plan: " + state.plan_digest() + "\n";
  if (!plan.criteria.empty()) {
    message += fmt::format("Pipe-Criteria: {0} of {0} met\n", plan.criteria.size());
  }
  if (const auto cost = costs.find(node.id.value); cost != costs.end()) {
    message += "Pipe-Cost: " + dsl::to_text(cost->second) + "\n";
  }
  return message;
}

}  // namespace

std::vector<VerifiedCommit> verified_commits(const RunState& state,
                                             const std::vector<Event>& events) {
  const Costs costs = costs_of(events);
  std::vector<VerifiedCommit> commits;
  for (const NodeState& node : state.nodes()) {
    const bool changed = node.outcome == Outcome::Passed && node.instances.empty() &&
                         !node.input.commit.empty() && node.tree.commit != node.input.commit;
    if (changed) {
      commits.push_back({node.tree.commit, node.input.commit, message_of(state, node, costs)});
    }
  }
  return commits;
}

}  // namespace runner
