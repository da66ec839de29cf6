#include "runner/run/scope.h"

#include <utility>

namespace runner {

using dsl::Value;

namespace {

std::string_view result_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::Passed:
      return dsl::kSuccess;
    case Outcome::Skipped:
      return dsl::kSkipped;
    case Outcome::Failed:
    case Outcome::Errored:
      return dsl::kFailure;
  }
  return "";
}

/// By the names that the node's expressions use: the compiler has checked that they are ancestors.
Value::Record needs_of(const RunState& state, std::size_t reader) {
  Value::Record needs;
  for (const std::size_t place : state.named_tasks().named(state.nodes()[reader].plan_node)) {
    const NamedTasks::Task& task = state.named_tasks().at(place);
    const auto outcome = state.outcome_of(task);
    if (!outcome) {
      continue;
    }
    const dsl::PlanNode& plan = state.plan().nodes[task.front()];
    Value::Record need;
    need.emplace_back("result", Value(std::string(result_word(*outcome))));
    need.emplace_back("outputs",
                      Value(plan.matrix.empty() ? state.nodes()[task.front()].outputs
                                                : state.outputs_of(plan, task)));
    needs.emplace_back(plan.task.empty() ? plan.phase : plan.task, Value(std::move(need)));
  }
  return needs;
}

}  // namespace

dsl::Scope scope_of(const RunState& state, std::size_t node, HashFiles hash_files) {
  const NodeState& me = state.nodes()[node];
  const dsl::PlanNode& plan = state.plan_node(node);
  dsl::Scope scope;
  Value::Record run;
  run.emplace_back("id", Value(state.run().value));
  // While nothing of the node runs or is checked, what is asked is about its next attempt; once it
  // is settled, about its last (a merge has its criteria checked again).
  const bool under_way = me.stage == Stage::Running || me.stage == Stage::Checking ||
                         (me.stage == Stage::Settled && me.attempt > 0);
  run.emplace_back("attempt", Value(static_cast<double>(me.attempt + (under_way ? 0 : 1))));
  Value::Record pipeline;
  pipeline.emplace_back("name", Value(state.plan().name));
  scope.contexts.emplace_back("inputs", Value(state.plan().inputs));
  scope.contexts.emplace_back("matrix", Value(plan.matrix));
  scope.contexts.emplace_back("item", me.item.value_or(Value()));
  scope.contexts.emplace_back("needs", Value(needs_of(state, node)));
  scope.contexts.emplace_back("run", Value(std::move(run)));
  scope.contexts.emplace_back("pipeline", Value(std::move(pipeline)));
  for (const dsl::NodeIndex need : plan.needs) {
    scope.any_need_failed = scope.any_need_failed || state.blocks(need);
  }
  scope.cancelled = state.interrupted();
  scope.hash_files = std::move(hash_files);
  return scope;
}

}  // namespace runner
