#include "runner/run/run_state.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "runner/run/failure_mark.h"
#include "runner/run/fan_in_moves.h"
#include "runner/run/node_moves.h"
#include "runner/run/scheduler.h"

namespace runner {

using dsl::Error;
using dsl::NodeIndex;
using dsl::Ok;
using dsl::PlanNode;
using dsl::Status;

RunState::RunState(const dsl::Plan& plan, const std::vector<std::int64_t>& usual_ms)
    : plan_(plan), named_tasks_(plan), expected_ms_(usual_ms), work_time_(plan) {
  const std::size_t count = plan.nodes.size();
  expected_ms_.resize(count);
  for (NodeIndex i = 0; i < count; ++i) {
    if (plan.nodes[i].expect.ms > 0) {
      expected_ms_[i] = plan.nodes[i].expect.ms;
    }
  }
  priority_ = remaining_path(plan, expected_ms_);
  nodes_.resize(count);
  dependants_.resize(count);
  pass_through_.resize(count);
  by_id_.reserve(count);
  for (NodeIndex i = 0; i < count; ++i) {
    const PlanNode& node = plan.nodes[i];
    nodes_[i].id = node.id;
    nodes_[i].plan_node = i;
    nodes_[i].unsettled_needs = node.needs.size();
    nodes_[i].criteria.resize(node.criteria.size());
    by_id_.emplace(node.id.value, i);
    for (const NodeIndex need : node.needs) {
      dependants_[need].push_back(i);
    }
  }
}

std::optional<std::size_t> RunState::missing_outputs(std::size_t node) const {
  for (const std::size_t place : named_tasks_.read(nodes_[node].plan_node)) {
    const NamedTasks::Task& task = named_tasks_.at(place);
    const auto outcome = outcome_of(task);
    if (!outcome || outcome == Outcome::Passed) {
      continue;
    }
    const auto stands_for_it = std::find_if(
        task.begin(), task.end(), [&](NodeIndex one) { return nodes_[one].outcome == outcome; });
    return *stands_for_it;
  }
  return std::nullopt;
}

std::optional<Outcome> RunState::outcome_of(const NamedTasks::Task& task) const {
  Outcome together = Outcome::Skipped;
  bool failed = false;
  for (const NodeIndex one : task) {
    const auto outcome = nodes_[one].outcome;
    if (!outcome) {
      return std::nullopt;
    }
    if (!failed && *outcome != Outcome::Skipped) {
      together = *outcome;
      failed = *outcome != Outcome::Passed;
    }
  }
  return together;
}

dsl::Value::Record RunState::outputs_of(const dsl::PlanNode& task,
                                        const std::vector<std::size_t>& instances) const {
  dsl::Value::Record lists;
  for (const dsl::OutputDecl& output : task.outputs) {
    dsl::Value::List values;
    for (const std::size_t instance : instances) {
      const dsl::Value all(nodes_[instance].outputs);
      const dsl::Value* value = all.find(output.name);
      values.push_back(value != nullptr ? *value : dsl::Value());
    }
    lists.emplace_back(output.name, dsl::Value(std::move(values)));
  }
  return lists;
}

std::vector<std::size_t> RunState::at_work() const {
  std::vector<std::size_t> all;
  for (const Rank& rank : active_) {
    const NodeState& node = nodes_[rank.node];
    if (node.stage == Stage::Running ||
        std::any_of(node.criteria.begin(), node.criteria.end(), [](const CriterionState& one) {
          return one.running || one.red_running;
        })) {
      all.push_back(node.plan_node);
    }
  }
  return all;
}

std::optional<WorkTime::Left> RunState::time_left(std::size_t node, std::int64_t since_ms) const {
  if (!work_time_.is_bounded()) {
    return std::nullopt;
  }
  return work_time_.left(nodes_[node].plan_node, at_work(), since_ms);
}

std::int64_t RunState::took_ms(std::size_t node, std::int64_t until_ms) const {
  const NodeState& me = nodes_[node];
  if (me.started_ms == 0) {
    return 0;
  }
  return me.outcome
             ? me.finished_lived_ms - me.started_lived_ms
             : lived_ms_ - me.started_lived_ms + std::max<std::int64_t>(until_ms - last_ms_, 0);
}

std::int64_t RunState::took_ms(std::int64_t until_ms) const {
  return lived_ms_ + (outcome_ ? 0 : std::max<std::int64_t>(until_ms - last_ms_, 0));
}

std::optional<std::size_t> RunState::find(const dsl::NodeId& id) const {
  const auto found = by_id_.find(id.value);
  return found == by_id_.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t RunState::pool_use(const std::string& pool) const {
  const auto found = pool_use_.find(pool);
  return found == pool_use_.end() ? 0 : found->second;
}

bool RunState::blocks(std::size_t node) const {
  const NodeState& settled = nodes_[node];
  const bool failed = settled.outcome == Outcome::Failed || settled.outcome == Outcome::Errored;
  return settled.failed_above || (failed && !plan_node(node).allow_failure);
}

TreeRef RunState::before(std::size_t node) const {
  const NodeState& me = nodes_[node];
  const PlanNode& gate = plan_node(node);
  if (gate.kind != dsl::NodeKind::PhaseGate) {
    return me.input;
  }
  // Of those that wait for nothing in the phase, one with no other needs than all of them.
  const NodeState* first = nullptr;
  for (const NodeState& one : nodes_) {
    const PlanNode& plan = plan_.nodes[one.plan_node];
    const bool begins = plan.phase == gate.phase && plan.kind != dsl::NodeKind::PhaseGate &&
                        std::none_of(plan.needs.begin(), plan.needs.end(), [&](NodeIndex need) {
                          return plan_.nodes[need].phase == gate.phase;
                        });
    if (begins && !one.input.commit.empty() &&
        (first == nullptr || plan.needs.size() < plan_.nodes[first->plan_node].needs.size())) {
      first = &one;
    }
  }
  return first == nullptr ? me.input : first->input;
}

std::optional<std::size_t> RunState::find_fan_in(const TreeRef& tree,
                                                 const std::vector<std::size_t>& sides) const {
  for (std::size_t i = fan_ins_.size(); i-- > 0;) {
    if (!fan_ins_[i].stale && fan_ins_[i].tree == tree && fan_ins_[i].sides == sides) {
      return i;
    }
  }
  return std::nullopt;
}

std::vector<std::size_t> RunState::sides(std::size_t node) const {
  std::vector<std::size_t> sides;
  for (const NodeIndex need : needs(node)) {
    if (nodes_[need].outcome == Outcome::Passed && !plan_.nodes[need].for_each) {
      sides.push_back(need);
    } else {
      sides.insert(sides.end(), pass_through_[need].begin(), pass_through_[need].end());
    }
  }
  std::sort(sides.begin(), sides.end());
  sides.erase(std::unique(sides.begin(), sides.end()), sides.end());
  return sides;
}

/// The one place that changes a RunState: an overload for each kind of fact.
struct Fold {
  RunState& s;
  const Event& event;
  NodeMoves moves;

  // ---- the run --------------------------------------------------------------------------------

  Status operator()(const RunStarted& e) {
    if (s.started()) {
      return misfit("the run has started already");
    }
    s.run_ = e.run;
    s.plan_digest_ = e.plan_digest;
    s.sealed_ = e.sealed;
    s.approved_by_ = e.approved_by;
    s.input_ = e.input;
    s.taken_ = e.taken;
    s.started_ms_ = event.at_ms;
    for (std::size_t i = 0; i < s.nodes_.size(); ++i) {
      if (s.nodes_[i].unsettled_needs == 0) {
        moves.open_or_ask(i);
      }
    }
    return Ok{};
  }

  Status operator()(const RunResumed&) {
    s.interrupted_ = false;
    s.answered_ = false;
    s.outcome_.reset();
    moves.forget_what_was_under_way();
    FanInMoves(s).forget_what_was_under_way();
    moves.do_again_what_was_lost();
    FanInMoves(s).drop_unwanted();
    return Ok{};
  }

  Status operator()(const EgressDenied& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    std::vector<EgressDenied>& denied = s.nodes_[*found].denied;
    if (std::find(denied.begin(), denied.end(), e) == denied.end()) {
      denied.push_back(e);
    }
    return Ok{};
  }

  Status operator()(const PermissionDenied& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    std::vector<PermissionDenied>& denied = s.nodes_[*found].not_permitted;
    if (std::find(denied.begin(), denied.end(), e) == denied.end()) {
      denied.push_back(e);
    }
    return Ok{};
  }

  Status operator()(const ModelAnswered& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    s.nodes_[*found].spent += e.spent;
    s.spent_ += e.spent;
    s.charged_.insert(e.request);
    if (e.spent.turns > 0) {
      s.nodes_[*found].fruitless = 0;
    }
    return Ok{};
  }

  Status operator()(const BudgetReached& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    std::int64_t& mark = s.nodes_[*found].budget_mark;
    mark = std::max(mark, e.mark);
    return Ok{};
  }

  Status operator()(const RunInterrupted&) {
    s.interrupted_ = true;
    return Ok{};
  }

  Status operator()(const RunFinished& e) {
    s.outcome_ = e.outcome;
    s.result_ = e.result;
    s.reason_ = e.reason;
    return Ok{};
  }

  Status operator()(const ResultDelivered& e) {
    s.delivered_ = e.where;
    return Ok{};
  }

  Status operator()(const PushStarted&) { return Ok{}; }

  Status operator()(const PushEnded& e) {
    if (e.problem.empty()) {
      s.pushed_ = e.remote;
    }
    return Ok{};
  }

  Status operator()(const PullRequestStarted&) { return Ok{}; }

  Status operator()(const ResultUndone& e) {
    s.delivered_.clear();
    s.undone_ = e.what;
    s.undone_because_ = e.because;
    return Ok{};
  }

  Status operator()(const PullRequestEnded& e) {
    if (e.problem.empty()) {
      s.pull_request_ = e.url;
    }
    return Ok{};
  }

  // ---- before a node starts ---------------------------------------------------------------------

  Status operator()(const ConditionHeld& e) {
    return on(e.node, Stage::Waiting, [&](std::size_t i, NodeState&) {
      s.undecided_.erase(moves.rank(i));
      moves.open(i);
    });
  }

  Status operator()(const NodeSkipped& e) {
    return on(e.node, Stage::Waiting, [&](std::size_t i, NodeState& node) {
      s.undecided_.erase(moves.rank(i));
      node.reason = e.reason;
      node.failed_above = moves.has_failed_need(i);
      moves.settle(i, Outcome::Skipped);
    });
  }

  Status operator()(const NodeExpanded& e) {
    return on(e.node, Stage::Open, [&](std::size_t i, NodeState& node) {
      moves.leave_open(i);
      node.started_ms = event.at_ms;
      node.started_lived_ms = s.lived_ms_;
      node.stage = Stage::Expanded;
      s.active_.insert(moves.rank(i));
      moves.enter_pool(i, -1);  // its instances take the places
      for (std::size_t k = 0; k < e.items.size(); ++k) {
        moves.add_instance(i, k, e.items[k]);
      }
    });
  }

  Status operator()(const InputRequested& e) {
    return on(e.node, Stage::Open, [&](std::size_t i, NodeState& node) {
      moves.leave_open(i);
      node.stage = Stage::Merging;
      node.started_ms = event.at_ms;
      node.started_lived_ms = s.lived_ms_;
      ++s.busy_;
    });
  }

  Status operator()(const FanInOpened& e) {
    if (!e.node.empty()) {
      const auto found = s.find(e.node);
      if (!found || s.nodes_[*found].stage != (e.resolved ? Stage::Checking : Stage::Merging)) {
        return misfit("'" + e.node.value + "' merges nothing");
      }
    }
    const dsl::Result<std::size_t> place = FanInMoves(s).open(e);
    if (!place) {
      return misfit(place.error().message);
    }
    if (e.node.empty()) {
      s.result_fan_in_ = *place;
      return Ok{};
    }
    if (e.resolved) {
      s.nodes_[s.find(e.node).value()].resolved = *place;
      return Ok{};
    }
    return on(e.node, Stage::Merging, [&](std::size_t i, NodeState& node) {
      --s.busy_;
      node.stage = Stage::Verifying;
      node.fan_in = *place;
      s.active_.insert(moves.rank(i));
    });
  }

  Status operator()(const FanInCheckStarted& e) {
    const dsl::Status begun = FanInMoves(s).begin(e);
    return begun ? begun : misfit(begun.error().message);
  }

  Status operator()(const FanInCheckEnded& e) {
    const dsl::Status ended = FanInMoves(s).end(e);
    return ended ? ended : misfit(ended.error().message);
  }

  Status operator()(const InputReady& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    NodeState& node = s.nodes_[*found];
    if (node.stage == Stage::Merging) {
      --s.busy_;
    } else if (node.stage == Stage::Open) {
      moves.leave_open(*found);
      node.started_ms = event.at_ms;
      node.started_lived_ms = s.lived_ms_;
    } else if (node.stage != Stage::Verifying) {
      return misfit("'" + e.node.value + "' already has its input");
    }
    node.stage = Stage::Prepared;
    if (node.input != e.input) {
      node.last.reset();  // of work that was sent back: it began elsewhere
    }
    node.input = e.input;
    node.key = e.key;
    node.reuse = e.reuse;
    s.active_.insert(moves.rank(*found));
    const PlanNode& plan = s.plan_node(*found);
    if ((plan.command.argv.empty() && plan.approval.empty()) || plan.merges) {
      // A gate, or a merge with nothing to resolve: its input is what it hands on.
      node.stage = Stage::Checking;
      node.last = AttemptEnded{};
      node.last->node = e.node;
      node.last->produced = e.input;
    }
    return Ok{};
  }

  Status operator()(const MergeUnresolved& e) {
    return on(e.node, Stage::Checking, [&](std::size_t, NodeState& node) {
      node.stage = Stage::Prepared;
      node.to_resolve = e.problem;
      node.marked = e.marked;
      node.last.reset();
      for (CriterionState& criterion : node.criteria) {
        criterion = {};
      }
    });
  }

  Status operator()(const NodeReused& e) {
    return on(e.node, Stage::Prepared, [&](std::size_t i, NodeState& node) {
      node.reused = true;
      node.reused_from = e.from_run;
      node.tree = e.tree;
      node.outputs = e.outputs;
      node.flagged = e.flagged;
      for (std::size_t k = 0; k < node.criteria.size() && k < e.evidence.size(); ++k) {
        node.criteria[k].verdict = Verdict::Met;
        node.criteria[k].evidence = e.evidence[k];
      }
      moves.settle(i, Outcome::Passed);
    });
  }

  // ---- attempts ---------------------------------------------------------------------------------

  Status operator()(const AttemptStarted& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    NodeState& node = s.nodes_[*found];
    if (node.stage != Stage::Prepared && node.stage != Stage::Backoff &&
        node.stage != Stage::Parked) {
      return misfit("'" + e.node.value + "' cannot start an attempt now");
    }
    if (node.stage == Stage::Parked) {
      moves.enter_pool(*found, 1);
    }
    node.stage = Stage::Running;
    node.attempt = e.attempt;
    node.attempt_started_ms = event.at_ms;
    node.resolved.reset();
    for (CriterionState& criterion : node.criteria) {
      criterion.verdict.reset();
      criterion.running = false;
      criterion.asked = false;
      criterion.evidence = {};
    }
    ++s.busy_;
    return Ok{};
  }

  Status operator()(const AttemptEnded& e) {
    return on(e.node, Stage::Running, [&](std::size_t, NodeState& node) {
      --s.busy_;
      node.stage = Stage::Checking;
      node.last = e;
      node.told_cost.micros += e.agent && e.agent->cost ? e.agent->cost->micros : 0;
      node.outputs = e.outputs;
      node.flagged = e.flagged;
    });
  }

  Status operator()(const CheckStarted& e) {
    return on(e.node, stage_of_check(e.node, e.subject), [&](std::size_t, NodeState& node) {
      CriterionState& criterion = node.criteria[static_cast<std::size_t>(e.criterion)];
      (e.subject == Subject::Input ? criterion.red_running : criterion.running) = true;
      ++s.busy_;
    });
  }

  Status operator()(const CheckEnded& e) {
    return on(e.node, stage_of_check(e.node, e.subject), [&](std::size_t, NodeState& node) {
      CriterionState& criterion = node.criteria[static_cast<std::size_t>(e.criterion)];
      bool& running = e.subject == Subject::Input ? criterion.red_running : criterion.running;
      s.busy_ -= running ? 1 : 0;
      running = false;
      if (e.subject == Subject::Input) {
        criterion.red = e.verdict;
        criterion.red_evidence = e.evidence;
      } else {
        criterion.verdict = e.verdict;
        criterion.evidence = e.evidence;
        count_failure(criterion, node.last ? node.last->produced : TreeRef());
      }
    });
  }

  Status operator()(const RetryScheduled& e) {
    return on(e.node, Stage::Checking, [&](std::size_t, NodeState& node) {
      node.stage = Stage::Backoff;
      ++node.failures;
      node.not_before_ms = e.not_before_ms;
      node.last_failure = e.reason;
      node.parked = false;
      node.worked_ms = 0;
    });
  }

  Status operator()(const NodeParked& e) {
    return on(e.node, Stage::Checking, [&](std::size_t i, NodeState& node) {
      node.stage = Stage::Parked;
      node.parked = true;
      ++node.parkings;
      ++node.fruitless;
      node.not_before_ms = e.until_ms;
      node.worked_ms += node.last->end.took.ms;
      moves.enter_pool(i, -1);
    });
  }

  // ---- people -----------------------------------------------------------------------------------

  Status operator()(const PersonAsked& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    NodeState& node = s.nodes_[*found];
    if (e.criterion >= 0) {
      node.criteria[static_cast<std::size_t>(e.criterion)].asked = true;
    } else {
      node.stage = Stage::Asking;
    }
    return Ok{};
  }

  Status operator()(const PersonAnswered& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    NodeState& node = s.nodes_[*found];
    if (e.criterion >= 0 && static_cast<std::size_t>(e.criterion) >= node.criteria.size()) {
      return misfit("'" + e.node.value + "' has no criterion " + std::to_string(e.criterion));
    }
    if (!e.yes && !e.again.empty()) {
      return send_back(e);
    }
    s.answered_ = true;
    node.answered_by = e.by;
    node.answered_ms = event.at_ms;
    if (e.criterion < 0) {
      node.approved = e.yes;
      node.reason = e.because;
      return Ok{};
    }
    CriterionState& criterion = node.criteria[static_cast<std::size_t>(e.criterion)];
    criterion.verdict = e.yes ? Verdict::Met : Verdict::NotMet;
    criterion.evidence.what = "answer of " + e.by;
    criterion.evidence.result = e.yes ? "yes" : "no";
    criterion.evidence.excerpt = e.because;
    return Ok{};
  }

  // ---- the end of a node ------------------------------------------------------------------------

  Status operator()(const NodeFinished& e) {
    const auto found = s.find(e.node);
    if (!found) {
      return unknown(e.node);
    }
    NodeState& node = s.nodes_[*found];
    if (node.stage == Stage::Settled) {
      return misfit("'" + e.node.value + "' is settled already");
    }
    if (e.outcome == Outcome::Passed) {
      for (const CriterionState& criterion : node.criteria) {
        if (node.stage != Stage::Expanded && criterion.verdict != Verdict::Met) {
          return misfit("'" + e.node.value + "' cannot pass with a criterion that was not met");
        }
      }
    }
    if (node.stage == Stage::Merging) {
      --s.busy_;
    }
    if (node.stage == Stage::Open) {
      moves.leave_open(*found);
    }
    node.tree = e.tree;
    node.out_of_time = e.out_of_time;
    if (!e.reason.empty()) {
      node.reason = e.reason;
    }
    moves.settle(*found, e.outcome);
    return Ok{};
  }

 private:
  static void count_failure(CriterionState& criterion, const TreeRef& tree) {
    if (criterion.verdict != Verdict::NotMet) {
      criterion.failure_mark.clear();
      criterion.failures = 0;
      return;
    }
    std::string mark = failure_mark(criterion.evidence, tree.commit);
    criterion.failures = mark == criterion.failure_mark ? criterion.failures + 1 : 1;
    criterion.failure_mark = std::move(mark);
  }

  Status send_back(const PersonAnswered& e) {
    std::vector<std::size_t> nodes;
    for (const dsl::NodeId& id : e.again) {
      const auto found = s.find(id);
      if (!found) {
        return unknown(id);
      }
      nodes.push_back(*found);
    }
    s.answered_ = true;
    moves.do_again(nodes, {e.by, e.because});
    FanInMoves(s).drop_unwanted();
    return Ok{};
  }

  static Error misfit(const std::string& what) {
    return {"the journal does not fit its plan: " + what,
            "this is a bug of pipe; please report it"};
  }
  /// A gate has nothing to start, and so is judged as soon as it is prepared.
  Stage stage_of_check(const dsl::NodeId& id, Subject subject) const {
    const auto found = s.find(id);
    const bool is_gate = found && s.plan_node(*found).kind == dsl::NodeKind::PhaseGate;
    return subject == Subject::Input && !is_gate ? Stage::Prepared : Stage::Checking;
  }

  static Error unknown(const dsl::NodeId& id) { return misfit("no node '" + id.value + "'"); }

  template <class Change>
  Status on(const dsl::NodeId& id, Stage wanted, Change change) {
    const auto found = s.find(id);
    if (!found) {
      return unknown(id);
    }
    if (s.nodes_[*found].stage != wanted) {
      return misfit("'" + id.value + "' is at another stage");
    }
    change(*found, s.nodes_[*found]);
    return Ok{};
  }
};

dsl::Status RunState::apply(const Event& event) {
  if (event.sequence != sequence_ + 1) {
    return dsl::Error{"the journal has event " + std::to_string(event.sequence) + " after event " +
                          std::to_string(sequence_),
                      ""};
  }
  // What was under way when a runner died did not go on until the next one began.
  const bool begins = !started() || std::holds_alternative<RunResumed>(event.what);
  const std::int64_t passed = begins ? 0
                              : event.after_ms >= 0
                                  ? event.after_ms
                                  : std::max<std::int64_t>(event.at_ms - last_ms_, 0);
  const std::vector<std::size_t> working =
      work_time_.is_bounded() && passed > 0 ? at_work() : std::vector<std::size_t>();
  lived_ms_ += passed;
  const dsl::Status status =
      std::visit(Fold{*this, event, NodeMoves(*this, event.at_ms)}, event.what);
  if (status) {
    work_time_.add(working, passed);
    sequence_ = event.sequence;
    last_ms_ = event.at_ms;
  } else {
    lived_ms_ -= passed;
  }
  return status;
}

bool ended_by_budget(const RunState& state) {
  bool by_budget = false;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const NodeState& node = state.nodes()[i];
    // A group fails with its instances, which say why.
    if (node.outcome != Outcome::Failed || !state.blocks(i) || !node.instances.empty() ||
        state.plan_node(i).kind == dsl::NodeKind::PhaseGate) {
      continue;
    }
    by_budget = node.out_of_time || (node.last && node.last->agent &&
                                     node.last->agent->reason == dsl::AgentReason::Budget);
    if (!by_budget) {
      return false;
    }
  }
  return by_budget;
}

}  // namespace runner
