#include "runner/run/continuation.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "dsl/render.h"
#include "dsl/suggest.h"

namespace runner {
namespace {

using dsl::Error;
using dsl::NodeIndex;
using dsl::Plan;
using dsl::PlanNode;
using dsl::Result;

std::vector<NodeIndex> agents_of(const Plan& plan) {
  std::vector<NodeIndex> agents;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    if (plan.nodes[i].agent) {
      agents.push_back(i);
    }
  }
  return agents;
}

Result<NodeIndex> asked_agent(const Plan& plan, const std::string& task) {
  const std::vector<NodeIndex> agents = agents_of(plan);
  if (agents.empty()) {
    return Error{"'" + plan.name + "' has no agent that could be asked more",
                 "`pipe run` runs the pipeline again"};
  }
  if (task.empty() && agents.size() == 1) {
    return agents.front();
  }
  std::vector<std::string_view> names;
  for (const NodeIndex agent : agents) {
    names.emplace_back(plan.nodes[agent].id.value);
    if (plan.nodes[agent].id.value == task) {
      return agent;
    }
  }
  const std::string list = fmt::format("its agents are {}", fmt::join(names, ", "));
  if (task.empty()) {
    return Error{"'" + plan.name + "' has several agents", "say which with --task: " + list};
  }
  const std::string meant = dsl::did_you_mean(task, names);
  return Error{"'" + plan.name + "' has no agent " + dsl::quoted(task),
               meant.empty() ? list : meant};
}

/// The node's criteria are verified on what is there.
void let_rest(PlanNode& node) {
  node.agent.reset();
  node.command.argv = {dsl::Template("true")};
  node.retry = {};
  std::erase_if(node.criteria, [](const dsl::Criterion& one) {
    return std::holds_alternative<dsl::DiffCheck>(one.check) ||
           std::holds_alternative<dsl::FlaggedCheck>(one.check);
  });
}

}  // namespace

Result<ContinuedPlan> continued_plan(Plan plan,
                                     const std::string& task,
                                     const std::string& prompt) {
  const Result<NodeIndex> asked = asked_agent(plan, task);
  if (!asked) {
    return asked.error();
  }
  // Needs have smaller indices, so that one pass finds all that is below.
  std::vector<bool> below(plan.nodes.size(), false);
  below[*asked] = true;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    PlanNode& node = plan.nodes[i];
    for (dsl::Criterion& criterion : node.criteria) {
      criterion.red_first = false;
    }
    below[i] = below[i] || std::any_of(node.needs.begin(), node.needs.end(), [&](NodeIndex need) {
                 return below[need];
               });
    if (node.agent) {
      node.agent->follow_up.reset();
    }
    if (node.agent && !below[i] && node.outputs.empty() && node.artifacts.empty()) {
      let_rest(node);
    }
  }
  plan.nodes[*asked].agent->follow_up = dsl::FollowUp{prompt, "", ""};
  return ContinuedPlan{std::move(plan), *asked};
}

}  // namespace runner
