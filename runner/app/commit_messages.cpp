#include "runner/app/commit_messages.h"

#include <algorithm>

#include <fmt/format.h>

#include "dsl/commit_message.h"
#include "runner/report/escape.h"
#include "runner/report/node_text.h"

namespace runner {
namespace {

/// By which every commit of a task is traced back to its run.
std::string origin_of(const RunState& state, const NodeState& node) {
  return "Pipe-Run: " + state.run().value + "\nPipe-Task: " + node.id.value + "\n";
}

std::string trailers_of(const RunState& state, const NodeState& node) {
  const dsl::PlanNode& plan = state.plan().nodes[node.plan_node];
  std::string message = origin_of(state, node);
  if (node.reused) {
    message += "Pipe-Reused-From: " + node.reused_from.value + "\n";
  } else {
    message += fmt::format("Pipe-Attempt: {}\n", node.attempt);
  }
  message += "Pipe-Plan: " + state.digest_for_people() + "\n";
  if (!plan.criteria.empty()) {
    message += fmt::format("Pipe-Criteria: {0} of {0} met\n", plan.criteria.size());
  }
  const dsl::Money cost = node.spent.cost.micros > 0 ? node.spent.cost : node.told_cost;
  if (cost.micros > 0) {
    message += "Pipe-Cost: " + dsl::to_text(cost) + "\n";
  }
  return message;
}

}  // namespace

std::vector<VerifiedCommit> verified_commits(const RunState& state) {
  std::vector<VerifiedCommit> commits;
  for (const NodeState& node : state.nodes()) {
    const bool changed = node.outcome == Outcome::Passed && node.instances.empty() &&
                         !node.input.commit.empty() && node.tree.commit != node.input.commit;
    if (changed) {
      const dsl::PlanNode& plan = state.plan().nodes[node.plan_node];
      commits.push_back({node.tree.commit,
                         node.input.commit,
                         dsl::commit_subject(state.plan(), plan, node.id, state.run()),
                         trailers_of(state, node),
                         origin_of(state, node),
                         !node.to_resolve.empty()});
    }
  }
  return commits;
}

dsl::Result<TreeRef> result_for_people(TreeStore& store,
                                       const Project& project,
                                       const RunState& state) {
  TreeRef result = state.result();
  if (project.kind == Project::Kind::Folder) {
    return result;
  }
  auto objects = store.borrow();
  if (!objects) {
    return objects.error();
  }
  auto history = VerifiedHistory::make(**objects, project.input.commit, verified_commits(state));
  auto commit = history ? history->commit(result.commit) : history.error();
  if (!commit) {
    return commit.error();
  }
  result.commit = *std::move(commit);
  return result;
}

dsl::PullRequest pull_request_of(const RunState& state, dsl::PullRequest wanted) {
  const dsl::Plan& plan = state.plan();
  if (wanted.title.empty()) {
    wanted.title = plan.description.empty()
                       ? plan.name + ": " + state.run().value
                       : report::one_line(plan.description.substr(0, plan.description.find('\n')));
  }
  std::string body = wanted.body.empty() ? "" : wanted.body + "\n\n";
  for (const std::size_t i : report::file_order(state)) {
    const NodeState& node = state.nodes()[i];
    if (node.outcome != Outcome::Passed || node.criteria.empty()) {
      continue;
    }
    body += "**" + report::node_title(state, i) + "**\n";
    for (const dsl::Criterion& criterion : state.plan_node(i).criteria) {
      body += "- [x] " + report::one_line(criterion.text) + "\n";
    }
    body += "\n";
  }
  body += fmt::format("Run `{}` of the pipeline `{}`, plan `{}`.\n",
                      state.run().value,
                      plan.name,
                      state.digest_for_people());
  constexpr std::size_t kMost = 60'000;  // GitHub takes 65,536 characters
  wanted.body = body.size() <= kMost ? body : body.substr(0, body.rfind('\n', kMost)) + "\n…\n";
  return wanted;
}

}  // namespace runner
