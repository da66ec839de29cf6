#include "runner/run/result_cache.h"

namespace runner {

std::string result_name(const dsl::Plan& plan, const dsl::NodeId& node) {
  return plan.name + "/" + node.value;
}

std::string name_on_merges(const dsl::Plan& plan, const dsl::NodeId& node) {
  return result_name(plan, node) + " on a merge";
}

std::vector<std::int64_t> usual_durations(const dsl::Plan& plan, ResultCache& cache) {
  std::vector<std::int64_t> usual_ms;
  usual_ms.reserve(plan.nodes.size());
  for (const dsl::PlanNode& node : plan.nodes) {
    usual_ms.push_back(cache.usual_ms(result_name(plan, node.id)));
  }
  return usual_ms;
}

}  // namespace runner
