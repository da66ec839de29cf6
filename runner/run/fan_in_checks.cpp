#include "runner/run/fan_in_checks.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "dsl/meetings.h"
#include "runner/run/verifier.h"

namespace runner {

using dsl::NodeId;
using dsl::Result;

std::vector<NodeId> FanInChecks::ids(const std::vector<std::size_t>& places) const {
  std::vector<NodeId> ids;
  for (const std::size_t place : places) {
    ids.push_back(parts_.context.state.nodes()[place].id);
  }
  return ids;
}

std::optional<FanInOpened> FanInChecks::opening(const NodeId& node,
                                                const std::vector<std::size_t>& sides,
                                                const TreeRef& tree) const {
  const RunState& state = parts_.context.state;
  for (const std::size_t side : sides) {
    if (state.nodes()[side].tree == tree) {
      return std::nullopt;  // it has all of the others in its past
    }
  }
  const Branches branches = branches_of(state, sides);
  std::vector<std::size_t> tasks;
  for (const std::size_t task : branches.parted) {
    const auto& criteria = state.plan_node(task).criteria;
    if (std::any_of(criteria.begin(), criteria.end(), dsl::is_of_a_tree)) {
      tasks.push_back(task);
    }
  }
  if (tasks.empty()) {
    return std::nullopt;
  }
  // Two branches that came to the same files: what is in the past of such a one is as it was.
  const Result<std::string> content = parts_.context.trees.content_of(tree);
  for (std::size_t tip = 0; tip < branches.tips.size() && content; ++tip) {
    const TreeRef& other = state.nodes()[branches.tips[tip]].tree;
    const Result<std::string> its = parts_.context.trees.content_of(other);
    if (its && *its == *content && other.artifacts == tree.artifacts) {
      std::erase_if(tasks, [&](std::size_t task) { return branches.has(tip, task, state); });
    }
  }
  return tasks.empty() ? std::nullopt
                       : std::optional(FanInOpened{1, node, tree, ids(sides), ids(tasks)});
}

void FanInChecks::number(FanInOpened& opened) const {
  const RunState& state = parts_.context.state;
  std::vector<std::size_t> sides;
  for (const NodeId& side : opened.sides) {
    sides.push_back(state.find(side).value());
  }
  const auto known = state.find_fan_in(opened.tree, sides);
  opened.fan_in = static_cast<std::int64_t>(known.value_or(state.fan_ins().size())) + 1;
}

std::size_t FanInChecks::trial_of(const StartFanInCheck& what) const {
  const auto& trials = criterion_of(what).trials;
  const auto found = std::find_if(
      trials.begin(), trials.end(), [&](const FanInTrial& one) { return one.on == what.on; });
  return static_cast<std::size_t>(found - trials.begin());
}

FanInCheckStarted FanInChecks::announce(const StartFanInCheck& what) const {
  const FanInCriterion& one = criterion_of(what);
  return {static_cast<std::int64_t>(what.fan_in) + 1,
          parts_.context.state.nodes()[one.task].id,
          static_cast<std::int64_t>(one.criterion),
          ids(what.on),
          fan_in_job(parts_.context, what.fan_in, what.criterion, trial_of(what))};
}

void FanInChecks::start(const StartFanInCheck& what, Done done) {
  const RunState& state = parts_.context.state;
  const FanInCheckStarted begun = announce(what);
  FanInCheckEnded end{
      begun.fan_in, begun.node, begun.criterion, begun.on, Verdict::Unverified, {}, {}};
  if (what.on.size() < 2) {
    look(what,
         std::move(end),
         what.on.empty() ? state.fan_ins()[what.fan_in].tree : state.nodes()[what.on.front()].tree,
         std::move(done));
    return;
  }
  std::vector<MergeSide> sides;
  for (const std::size_t place : what.on) {
    sides.push_back({state.nodes()[place].id, state.nodes()[place].tree});
  }
  parts_.context.trees.merge(
      std::move(sides),
      [this, what, end = std::move(end), done = std::move(done)](Result<Merge> merge) mutable {
        if (!merge || !merge->conflicts.empty()) {
          end.evidence.result = merge ? "their files do not merge" : merge.error().message;
          end.evidence.lost = !merge;
          done(std::move(end));
          return;
        }
        look(what, std::move(end), merge->tree, std::move(done));
      });
}

void FanInChecks::look(const StartFanInCheck& what,
                       FanInCheckEnded end,
                       const TreeRef& tree,
                       Done done) {
  const FanInCriterion& one = criterion_of(what);
  const RunState& state = parts_.context.state;
  if (!needs_container(state.plan_node(one.task).criteria[one.criterion])) {
    judge_here(what, end, tree);
    done(std::move(end));
    return;
  }
  NodeResults::Verified known = parts_.results.look_up_check(one.task, one.criterion, tree);
  if (known.evidence) {
    end.verdict = Verdict::Met;
    end.evidence = *std::move(known.evidence);
    end.from_run = std::move(known.from_run);
    done(std::move(end));
    return;
  }
  Result<CheckOrder> order =
      fan_in_order(parts_.context, what.fan_in, what.criterion, trial_of(what), tree);
  if (!order) {
    end.evidence.result = order.error().message;
    done(std::move(end));
    return;
  }
  order->work.engine = parts_.engines[state.nodes()[one.task].plan_node];
  parts_.executor.run_check(
      *std::move(order),
      [this, task = one.task, key = std::move(known.key), tree, end = std::move(end), done](
          std::optional<CheckEnded> check) mutable {
        if (!check) {
          done(std::nullopt);
          return;
        }
        end.verdict = check->verdict;
        end.evidence = std::move(check->evidence);
        if (end.verdict == Verdict::Met) {
          parts_.results.keep_check(key, task, end.evidence, tree);
        }
        done(std::move(end));
      });
}

void FanInChecks::judge_here(const StartFanInCheck& what,
                             FanInCheckEnded& end,
                             const TreeRef& tree) const {
  const FanInCriterion& one = criterion_of(what);
  const RunState& state = parts_.context.state;
  const std::int64_t begun_ms = parts_.clock.monotonic_ms();
  Judgement judgement = judge_tree(state.plan_node(one.task).criteria[one.criterion],
                                   parts_.context.trees,
                                   state.nodes()[one.task].input,
                                   state.input(),
                                   tree);
  end.verdict = judgement.verdict;
  end.evidence = std::move(judgement.evidence);
  end.evidence.took = dsl::Duration{parts_.clock.monotonic_ms() - begun_ms};
}

}  // namespace runner
