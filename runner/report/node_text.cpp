#include "runner/report/node_text.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/plan_words.h"
#include "dsl/units.h"
#include "runner/report/columns.h"
#include "runner/report/escape.h"

namespace runner::report {
namespace {

std::string outcome_text(const RunState& state, std::size_t node, Outcome outcome) {
  const bool allowed = state.plan_node(node).allow_failure;
  switch (outcome) {
    case Outcome::Passed:
      return "passed";
    case Outcome::Failed:
      return allowed ? "failed (allowed)" : "failed";
    case Outcome::Errored:
      return allowed ? "error (allowed)" : "error";
    case Outcome::Skipped:
      return "skipped";
  }
  return "";
}

}  // namespace

std::string node_title(const RunState& state, std::size_t node) {
  const dsl::PlanNode& plan_node = state.plan_node(node);
  const std::string id = one_line(state.nodes()[node].id.value);
  if (plan_node.kind == dsl::NodeKind::PhaseGate) {
    return id + " (phase)";
  }
  const auto& phases = state.plan().phases;
  const bool only_one = phases.size() == 1 && phases.front().name == "main";
  return only_one || plan_node.phase.empty() ? id : one_line(plan_node.phase) + " / " + id;
}

bool is_asking(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  if (n.stage == Stage::Asking) {
    return !n.approved;
  }
  return n.stage == Stage::Checking &&
         std::any_of(n.criteria.begin(), n.criteria.end(), [](const CriterionState& c) {
           return c.asked && !c.verdict;
         });
}

std::string stage_text(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  switch (n.stage) {
    case Stage::Waiting:
    case Stage::Open:
      return "waiting";
    case Stage::Merging:
    case Stage::Prepared:
      return "preparing";
    case Stage::Verifying:
      return "verifying the merge";
    case Stage::Running:
      return "running";
    case Stage::Checking:
      return is_asking(state, node) ? "waits for a person" : "checking";
    case Stage::Backoff:
      return "waits to retry";
    case Stage::Parked:
      return "parked";
    case Stage::Asking:
      return "waits for a person";
    case Stage::Expanded:
      return "running";
    case Stage::Settled:
      break;
  }
  return n.outcome ? outcome_text(state, node, *n.outcome) : "";
}

bool is_shown(const RunState& state, std::size_t node) {
  const NodeState& n = state.nodes()[node];
  const dsl::PlanNode& plan_node = state.plan_node(node);
  if (plan_node.kind == dsl::NodeKind::PhaseGate && plan_node.criteria.empty() && !n.fan_in) {
    return n.outcome == Outcome::Failed || n.outcome == Outcome::Errored;
  }
  return n.instances.empty() || n.outcome == Outcome::Errored;
}

bool is_counted(const RunState& state, std::size_t node) {
  return state.plan_node(node).kind != dsl::NodeKind::PhaseGate &&
         state.nodes()[node].instances.empty();
}

std::vector<std::size_t> file_order(const RunState& state) {
  std::vector<std::vector<std::size_t>> by_phase(state.plan().phases.size() + 1);
  for (std::size_t i = 0; i < state.plan().nodes.size(); ++i) {
    const std::string& name = state.plan().nodes[i].phase;
    std::size_t phase = 0;
    while (phase < state.plan().phases.size() && state.plan().phases[phase].name != name) {
      ++phase;
    }
    by_phase[phase].push_back(i);
  }
  std::vector<std::size_t> order;
  order.reserve(state.nodes().size());
  for (const auto& phase : by_phase) {
    for (const std::size_t node : phase) {
      order.push_back(node);
      const auto& instances = state.nodes()[node].instances;
      order.insert(order.end(), instances.begin(), instances.end());
    }
  }
  return order;
}

std::string took_text(std::int64_t ms) {
  ms = std::max<std::int64_t>(ms, 0);
  return ms < 10'000 ? fmt::format("{:.1f}s", static_cast<double>(ms) / 1000.0)
                     : dsl::to_rounded_text(dsl::Duration{ms});
}

std::string permission_text(const PermissionDenied& denied) {
  return fmt::format("was not let run '{}'{}",
                     one_line(denied.operation),
                     denied.rule.empty() ? "" : fmt::format(", by '{}'", one_line(denied.rule)));
}

std::string agent_text(const AgentOutcome& outcome) {
  std::string text;
  if (outcome.turns) {
    text += counted(static_cast<std::size_t>(*outcome.turns), "turn") + " · ";
  }
  if (outcome.cost) {
    const double dollars = static_cast<double>(outcome.cost->micros) / 1e6;
    text += fmt::format("${:.2f} (agent's own figure) · ", dollars);
  }
  return text + std::string(dsl::word_of(outcome.reason));
}

std::string spend_text(const Spend& spent) {
  const double dollars = static_cast<double>(spent.cost.micros) / 1e6;
  return fmt::format(
      "${:.2f}   {}", dollars, counted(static_cast<std::size_t>(spent.turns), "turn"));
}

std::string evidence_text(const Evidence& evidence, std::size_t width) {
  std::string what = one_line(evidence.what.substr(0, evidence.what.find('\n')));
  std::string result = one_line(evidence.result);
  if (evidence.was_red) {
    result += result.empty() ? "was red" : " (was red)";
  }
  if (what.empty() || result.empty()) {
    return what.empty() ? result : cut(what, width);
  }
  const std::size_t rest = columns(result) + 3;  // " … "
  const std::size_t room = width > rest + 8 ? width - rest : 8;
  if (columns(what) > room) {
    what = cut(what, room + 1);
    return what + " " + result;
  }
  return what + " … " + result;
}

std::optional<std::size_t> merge_of(const NodeState& node) {
  return node.to_resolve.empty() ? node.fan_in : node.resolved;
}

std::string counted(std::size_t count, const std::string& noun) {
  if (count == 1) {
    return "1 " + noun;
  }
  const bool on = noun == "criterion";
  return fmt::format("{} {}", count, on ? "criteria" : noun + "s");
}

}  // namespace runner::report
