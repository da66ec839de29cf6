#include "runner/app/forecast.h"

#include <algorithm>
#include <variant>

#include "dsl/meetings.h"
#include "runner/run/node_results.h"
#include "runner/run/scheduler.h"

namespace runner {

namespace {

using dsl::NodeIndex;
using dsl::Plan;
using dsl::PlanNode;

/// A run in which nothing runs: events are folded, none is written.
class DryRun {
 public:
  DryRun(const ForecastRequest& request, const std::vector<std::int64_t>& usual_ms)
      : request_(request),
        state_(request.plan, usual_ms),
        context_{state_, request.trees, "plan"},
        results_(context_, &request.cache, request.reuse, request.clock, request.images) {}

  const RunState& go() {
    RunStarted started;
    started.run = dsl::RunId("plan");
    started.input = request_.input;
    note(started);
    while (step()) {
    }
    return state_;
  }

 private:
  void note(decltype(Event::what) what) {
    Event event;
    event.sequence = state_.sequence() + 1;
    event.what = std::move(what);
    stuck_ = stuck_ || !state_.apply(event);
  }

  /// Whether anything could be decided without running something.
  bool step() {
    SchedulerLimits limits;
    limits.slots = request_.plan.nodes.size() + 1;
    limits.hash_files = [this](const std::vector<std::string>& globs) {
      return request_.trees.hash_files(request_.input, globs);
    };
    const std::int64_t before = state_.sequence();
    for (const Action& action : next_actions(state_, limits).actions) {
      std::visit([this](const auto& one) { act(one); }, action);
    }
    return !stuck_ && state_.sequence() > before;
  }

  const dsl::NodeId& id(std::size_t node) const { return state_.nodes()[node].id; }

  void act(const Admit& action) { note(ConditionHeld{id(action.node)}); }
  void act(const Skip& action) { note(NodeSkipped{id(action.node), action.reason}); }
  void act(const Expand& action) { note(NodeExpanded{id(action.node), action.items}); }
  void act(const Finish& action) {
    note(NodeFinished{id(action.node), action.outcome, action.reason, action.tree});
  }
  // Here the work begins.
  void act(const TakeMerged&) {}
  void act(const Resolve&) {}
  void act(const VerifyResolved&) {}
  void act(const StartFanInCheck&) {}
  void act(const StartAttempt&) {}
  void act(const StartCheck&) {}
  void act(const AskPerson&) {}
  void act(const Retry&) {}
  void act(const Park&) {}

  void act(const PrepareInput& action) {
    std::vector<MergeSide> sides;
    for (const std::size_t place : state_.sides(action.node)) {
      sides.push_back({id(place), state_.nodes()[place].tree});
    }
    if (sides.empty()) {
      take(action.node, request_.input);
      return;
    }
    const bool same = std::all_of(sides.begin(), sides.end(), [&](const MergeSide& side) {
      return side.tree == sides.front().tree;
    });
    if (same) {
      take(action.node, sides.front().tree);
    } else {
      note(InputRequested{id(action.node)});  // a merge is the run's own work
    }
  }

  void take(std::size_t node, const TreeRef& input) {
    NodeResults::Found found = results_.look_up(node, input);
    note(std::move(found.ready));
    if (found.reused && !state_.plan_node(node).merges) {
      note(*std::move(found.reused));
    }
  }

  const ForecastRequest& request_;
  RunState state_;
  OrderContext context_;
  NodeResults results_;
  bool stuck_ = false;
};

/// What still has to be done along the way that takes longest; a node of which nothing is known
/// counts as the scheduler counts it.
void add_path(const Plan& plan, const std::vector<std::int64_t>& expected_ms, dsl::Forecast& out) {
  const std::vector<std::int64_t> remaining = remaining_path(plan, expected_ms);
  std::vector<std::vector<NodeIndex>> dependants(plan.nodes.size());
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    for (const NodeIndex need : plan.nodes[i].needs) {
      dependants[need].push_back(i);
    }
  }
  const auto longest = [&](const std::vector<NodeIndex>& of) {
    return *std::max_element(of.begin(), of.end(), [&](NodeIndex one, NodeIndex other) {
      return remaining[one] < remaining[other];
    });
  };
  std::vector<NodeIndex> ahead;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    if (plan.nodes[i].needs.empty()) {
      ahead.push_back(i);
    }
  }
  out.expected.ms = ahead.empty() ? 0 : remaining[longest(ahead)];
  while (!ahead.empty()) {
    const NodeIndex next = longest(ahead);
    if (!plan.nodes[next].command.argv.empty()) {
      out.path.push_back(plan.nodes[next].id.value);
    }
    ahead = dependants[next];
  }
}

/// All attempts and checks at their limits; no value: something has none.
std::optional<std::int64_t> worst_ms(const PlanNode& node) {
  std::int64_t ms = 0;
  for (const dsl::Criterion& criterion : node.criteria) {
    ms += criterion.timeout.ms * (criterion.red_first ? 2 : 1);
  }
  if (node.command.argv.empty()) {
    return node.kind == dsl::NodeKind::Approval ? std::nullopt : std::optional(ms);
  }
  if (node.timeout.ms == 0 || node.for_each) {
    return std::nullopt;
  }
  ms = (ms + node.timeout.ms) * node.retry.attempts;
  std::int64_t backoff = node.retry.backoff.ms;
  for (int i = 1; i < node.retry.attempts; ++i, backoff *= 2) {
    constexpr std::int64_t kDay = 24LL * 3600 * 1000;
    backoff = std::min(backoff, node.retry.max_backoff.ms > 0 ? node.retry.max_backoff.ms : kDay);
    ms += backoff;
  }
  return ms;
}

/// What is verified on merges before each node begins, by plan node; of the result behind them.
struct ChecksOnMerges {
  std::vector<std::int64_t> worst_ms;
  std::vector<std::int64_t> usual_ms;  // in earlier runs, one after the other
};

ChecksOnMerges checks_on_merges(const Plan& plan, ResultCache& cache) {
  const std::size_t count = plan.nodes.size();
  ChecksOnMerges checks{std::vector<std::int64_t>(count + 1, 0),
                        std::vector<std::int64_t>(count + 1, 0)};
  std::vector<std::optional<std::int64_t>> usual(count);  // of all of a task's criteria
  dsl::for_each_meeting(plan, [&](const dsl::Meeting& meeting) {
    const std::size_t place = meeting.node.value_or(count);
    checks.worst_ms[place] = meeting.worst.ms;
    for (const NodeIndex task : meeting.tasks) {
      if (!usual[task]) {
        const auto& criteria = plan.nodes[task].criteria;
        usual[task] = cache.usual_ms(name_on_merges(plan, plan.nodes[task].id)) *
                      std::count_if(criteria.begin(), criteria.end(), dsl::is_of_a_tree);
      }
      checks.usual_ms[place] += *usual[task];
    }
  });
  return checks;
}

std::optional<dsl::Duration> worst_time(const Plan& plan, const ChecksOnMerges& checks) {
  std::vector<std::int64_t> ends(plan.nodes.size(), 0);
  std::int64_t last = 0;
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const std::optional<std::int64_t> own = worst_ms(plan.nodes[i]);
    if (!own) {
      return plan.budget.time;
    }
    // What a merge makes of the work is verified like the merge itself.
    ends[i] = checks.worst_ms[i] * (plan.nodes[i].merges ? 1 + plan.nodes[i].retry.attempts : 1);
    std::int64_t begin = 0;
    for (const NodeIndex need : plan.nodes[i].needs) {
      begin = std::max(begin, ends[need]);
    }
    ends[i] += begin + *own;
    last = std::max(last, ends[i]);
  }
  last += checks.worst_ms.back();
  return dsl::Duration{plan.budget.time ? std::min(last, plan.budget.time->ms) : last};
}

/// Of what reaches a model: its own cap, else its phase's, else the plan's.
std::optional<dsl::Money> worst_cost(const Plan& plan) {
  std::int64_t sum = 0;
  bool unlimited = false;
  for (const dsl::PlanPhase& phase : plan.phases) {
    std::int64_t of_phase = 0;
    bool open = false;
    for (const PlanNode& node : plan.nodes) {
      if (node.phase != phase.name || !node.agent) {
        continue;
      }
      open = open || !node.budget.cost || node.for_each;
      of_phase += node.budget.cost ? node.budget.cost->micros : 0;
    }
    if (phase.budget.cost) {
      of_phase = open ? phase.budget.cost->micros : std::min(of_phase, phase.budget.cost->micros);
      open = false;
    }
    sum += of_phase;
    unlimited = unlimited || open;
  }
  if (unlimited) {
    return plan.budget.cost;
  }
  return dsl::Money{plan.budget.cost ? std::min(sum, plan.budget.cost->micros) : sum};
}

}  // namespace

dsl::Forecast forecast_of(const ForecastRequest& request) {
  const Plan& plan = request.plan;
  std::vector<std::int64_t> usual_ms = usual_durations(plan, request.cache);
  DryRun run(request, usual_ms);
  const RunState& state = run.go();
  dsl::Forecast forecast;
  std::vector<std::int64_t> expected_ms(plan.nodes.size(), 0);
  const ChecksOnMerges checks = checks_on_merges(plan, request.cache);
  for (NodeIndex i = 0; i < plan.nodes.size(); ++i) {
    const NodeState& node = state.nodes()[i];
    dsl::Forecast::Node told;
    told.node = node.id.value;
    told.reuse = node.reuse;
    told.from_cache = node.reused;
    expected_ms[i] = state.expected_ms(i);
    if (expected_ms[i] > 0) {
      told.expected = dsl::Duration{expected_ms[i]};
    }
    if (node.reused || node.outcome == Outcome::Skipped) {
      expected_ms[i] = 1;  // as good as nothing
    }
    expected_ms[i] += checks.usual_ms[i];
    if (i + 1 == plan.nodes.size()) {
      expected_ms[i] += checks.usual_ms.back();  // nothing of the plan comes later
    }
    if (!plan.nodes[i].command.argv.empty()) {
      forecast.nodes.push_back(std::move(told));
    }
  }
  add_path(plan, expected_ms, forecast);
  forecast.worst_time = worst_time(plan, checks);
  forecast.worst_cost = worst_cost(plan);
  return forecast;
}

}  // namespace runner
