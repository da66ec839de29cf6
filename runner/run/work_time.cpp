#include "runner/run/work_time.h"

#include <algorithm>
#include <map>
#include <set>

#include "dsl/units.h"

namespace runner {

WorkTime::WorkTime(const dsl::Plan& plan)
    : plan_(plan),
      is_bounded_(plan.budget.time.has_value()),
      phase_ms_(plan.phases.size() + 1),
      node_ms_(plan.nodes.size()) {
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < plan.phases.size(); ++i) {
    places.emplace(plan.phases[i].name, i);
    is_bounded_ = is_bounded_ || plan.phases[i].budget.time;
  }
  for (const dsl::PlanNode& node : plan.nodes) {
    const auto found = places.find(node.phase);
    phase_of_.push_back(found == places.end() ? plan.phases.size() : found->second);
    is_bounded_ = is_bounded_ || node.budget.time;
  }
}

void WorkTime::add(const std::vector<std::size_t>& plan_nodes, std::int64_t ms) {
  if (plan_nodes.empty() || ms <= 0) {
    return;
  }
  run_ms_ += ms;
  std::set<std::size_t> phases;
  for (const std::size_t node : std::set<std::size_t>(plan_nodes.begin(), plan_nodes.end())) {
    node_ms_[node] += ms;
    phases.insert(phase_of_[node]);
  }
  for (const std::size_t phase : phases) {
    phase_ms_[phase] += ms;
  }
}

std::optional<WorkTime::Left> WorkTime::left(std::size_t plan_node,
                                             const std::vector<std::size_t>& plan_nodes,
                                             std::int64_t ms) const {
  std::optional<Left> least;
  const auto look_at = [&](const std::optional<dsl::Duration>& cap,
                           std::int64_t used,
                           const char* whose) {
    if (cap && (!least || cap->ms - used < least->ms)) {
      least = Left{cap->ms - used,
                   std::string("the ") + whose + " budget of " + dsl::to_text(*cap) + " of time"};
    }
  };
  const std::size_t phase = phase_of_[plan_node];
  const bool node_works =
      std::find(plan_nodes.begin(), plan_nodes.end(), plan_node) != plan_nodes.end();
  const bool phase_works = std::any_of(plan_nodes.begin(), plan_nodes.end(), [&](std::size_t one) {
    return phase_of_[one] == phase;
  });
  look_at(
      plan_.nodes[plan_node].budget.time, node_ms_[plan_node] + (node_works ? ms : 0), "task's");
  look_at(plan_.budget.time, run_ms_ + (plan_nodes.empty() ? 0 : ms), "run's");
  if (phase < plan_.phases.size()) {
    look_at(plan_.phases[phase].budget.time, phase_ms_[phase] + (phase_works ? ms : 0), "phase's");
  }
  if (least) {
    least->ms = std::max<std::int64_t>(least->ms, 0);
  }
  return least;
}

}  // namespace runner
