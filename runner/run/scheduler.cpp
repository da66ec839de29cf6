#include "runner/run/scheduler.h"

#include <algorithm>
#include <map>
#include <type_traits>
#include <utility>

#include "runner/run/job.h"
#include "runner/run/review.h"

namespace runner {

namespace {

using dsl::NodeKind;
using dsl::PlanNode;

/// What became of the produced tree's criteria.
struct Tally {
  bool running = false;
  bool all_met = true;
  std::optional<std::size_t> unasked;  // a manual criterion that nobody was asked about yet
  bool waiting = false;                // … or that nobody has answered
  std::string failure;                 // the first that is not met, for people
  bool lost = false;                   // the world kept one from being checked
};

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

class Planner {
 public:
  Planner(const RunState& state, const SchedulerLimits& limits)
      : state_(state), limits_(limits), free_(slots_left(state, limits)) {}

  NextActions run() {
    for (const RunState::Rank& rank : state_.undecided()) {
      decide(rank.node);
    }
    for (const std::size_t fan_in : state_.open_fan_ins()) {
      verify(fan_in);
    }
    for (const RunState::Rank& rank : state_.active()) {
      go_on(rank.node);
    }
    for (const RunState::Rank& rank : state_.open()) {
      if (free_ == 0 || settles_some_) {
        break;  // what is settled now may open a node that is more urgent than these
      }
      begin(rank.node);
    }
    return std::move(next_);
  }

 private:
  static std::size_t slots_left(const RunState& state, const SchedulerLimits& limits) {
    return limits.stopping || state.busy() >= limits.slots ? 0 : limits.slots - state.busy();
  }

  template <class A>
  void act(A action) {
    settles_some_ = settles_some_ || std::is_same_v<A, Finish> || std::is_same_v<A, Skip> ||
                    std::is_same_v<A, Admit> || std::is_same_v<A, Expand>;
    next_.actions.emplace_back(std::move(action));
  }

  bool take_slot() {
    if (free_ == 0) {
      return false;
    }
    --free_;
    return true;
  }

  void fail(std::size_t node, std::string reason) {
    act(Finish{node, Outcome::Failed, std::move(reason), {}, false});
  }

  // ---- nodes whose needs have just been settled
  // --------------------------------------------------

  void decide(std::size_t node) {
    const PlanNode& plan = state_.plan_node(node);
    if (!plan.condition) {
      decide_by_needs(node);
      return;
    }
    const dsl::Scope scope = scope_of(state_, node, limits_.hash_files);
    const dsl::Result<bool> holds = dsl::evaluate_condition(*plan.condition, scope);
    if (!holds) {
      fail(node, "if: " + holds.error().message);
    } else if (*holds) {
      act(Admit{node});
    } else {
      act(Skip{
          node,
          scope.any_need_failed ? failed_need(node) : "if: " + *plan.condition + " does not hold"});
    }
  }

  void decide_by_needs(std::size_t node) {
    const std::string failed = failed_need(node);
    if (!failed.empty()) {
      act(Skip{node, failed});
    } else if (state_.plan_node(node).kind == NodeKind::PhaseGate) {
      fail(node, "a criterion " + unread_outputs(node));  // unverified is not passed
    } else {
      act(Skip{node, unread_outputs(node)});
    }
  }

  std::string failed_need(std::size_t node) const {
    for (const dsl::NodeIndex need : state_.needs(node)) {
      if (state_.blocks(need)) {
        const NodeState& other = state_.nodes()[need];
        if (other.outcome != Outcome::Skipped) {
          return "needs " + quoted(other.id.value) + ", which failed";
        }
        return "needs " + quoted(other.id.value) + ", which was skipped since " +
               quoted(state_.nodes()[first_failure(need)].id.value) + " failed";
      }
    }
    return "";
  }

  /// A skipped need counts as satisfied, unless there is something of it that the node needs.
  std::string unread_outputs(std::size_t node) const {
    const auto read = state_.missing_outputs(node);
    if (!read) {
      return "";
    }
    const NodeState& other = state_.nodes()[*read];
    return "reads the outputs of " + quoted(other.id.value) +
           (other.outcome == Outcome::Skipped ? ", which was skipped" : ", which failed");
  }

  /// The node above a skipped one that stands in the way of both.
  std::size_t first_failure(std::size_t node) const {
    while (state_.nodes()[node].outcome == Outcome::Skipped) {
      const auto& needs = state_.needs(node);
      const auto above = std::find_if(
          needs.begin(), needs.end(), [&](dsl::NodeIndex need) { return state_.blocks(need); });
      if (above == needs.end()) {
        break;
      }
      node = *above;
    }
    return node;
  }

  // ---- nodes that could start
  // ----------------------------------------------------------------------

  void begin(std::size_t node) {
    const PlanNode& plan = state_.plan_node(node);
    if (plan.for_each && !state_.nodes()[node].group) {
      expand(node, *plan.for_each);
      return;
    }
    if (!plan.pool.empty() && !pool_has_room(plan.pool)) {
      return;
    }
    if (take_slot()) {
      act(PrepareInput{node});
    }
  }

  bool pool_has_room(const std::string& pool) {
    const auto size = state_.plan().pools.find(pool);
    if (size == state_.plan().pools.end()) {
      return true;
    }
    std::int64_t& taken = pools_taken_[pool];
    if (state_.pool_use(pool) + taken >= size->second) {
      return false;
    }
    ++taken;
    return true;
  }

  void expand(std::size_t node, const std::string& expression) {
    const dsl::Result<dsl::Value> value =
        dsl::evaluate(expression, scope_of(state_, node, limits_.hash_files));
    if (!value) {
      fail(node, "for_each: " + value.error().message);
      return;
    }
    const auto* items = std::get_if<dsl::Value::List>(&value->held);
    if (items == nullptr) {
      fail(node, "for_each: '" + expression + "' is no list but " + dsl::to_json(*value));
    } else if (items->size() > kMostItems) {
      fail(node,
           "for_each: " + std::to_string(items->size()) + " items are more than " +
               std::to_string(kMostItems));
    } else {
      act(Expand{node, *items});
    }
  }

  // ---- where trees were merged
  // -------------------------------------------------------------------------

  void verify(std::size_t place) {
    const FanIn& fan_in = state_.fan_ins()[place];
    for (std::size_t i = 0; i < fan_in.criteria.size() && free_ > 0; ++i) {
      std::optional<std::vector<std::size_t>> on = look_at(state_, fan_in, fan_in.criteria[i]).next;
      if (on && has_room_to_check(fan_in.criteria[i].task) && take_slot()) {
        act(StartFanInCheck{place, i, *std::move(on)});
      }
    }
  }

  /// A task of a pool is checked in that pool too. Nodes that wait for a merge lend their places:
  /// it is they that the check is for.
  bool has_room_to_check(std::size_t task) {
    const std::string& pool = state_.plan_node(task).pool;
    const auto size = state_.plan().pools.find(pool);
    if (pool.empty() || size == state_.plan().pools.end()) {
      return true;
    }
    std::int64_t taken = state_.pool_use(pool) + checks_started_[pool];
    for (const RunState::Rank& rank : state_.active()) {
      const bool waits = state_.nodes()[rank.node].stage == Stage::Verifying;
      taken -= waits && state_.plan_node(rank.node).pool == pool ? 1 : 0;
    }
    for (const std::size_t place : state_.open_fan_ins()) {
      for (const FanInCriterion& one : state_.fan_ins()[place].criteria) {
        const bool running = !one.trials.empty() && one.trials.back().running;
        taken += running && state_.plan_node(one.task).pool == pool ? 1 : 0;
      }
    }
    if (taken >= size->second) {
      return false;
    }
    ++checks_started_[pool];
    return true;
  }

  void take_merged(std::size_t node) {
    const std::size_t place = *state_.nodes()[node].fan_in;
    if (state_.open_fan_ins().contains(place)) {
      return;
    }
    const std::string broken = broken_text(state_, state_.fan_ins()[place]);
    if (broken.empty()) {
      act(TakeMerged{node});
    } else if (is_lost(state_, state_.fan_ins()[place])) {
      act(Finish{node, Outcome::Errored, broken, {}, false});
    } else if (state_.plan_node(node).merges) {
      act(Resolve{node, broken});
    } else {
      fail(node, broken + "; let one of them need the other");
    }
  }

  // ---- nodes under way
  // -------------------------------------------------------------------------------

  void go_on(std::size_t node) {
    switch (state_.nodes()[node].stage) {
      case Stage::Verifying:
        take_merged(node);
        return;
      case Stage::Prepared:
        prove_red_then_start(node);
        return;
      case Stage::Checking:
        check(node);
        return;
      case Stage::Backoff:
      case Stage::Parked:
        start_again(node);
        return;
      case Stage::Asking:
        answer(node);
        return;
      case Stage::Expanded:
        gather(node);
        return;
      case Stage::Waiting:
      case Stage::Open:
      case Stage::Merging:
      case Stage::Running:
      case Stage::Settled:
        return;
    }
  }

  void prove_red_then_start(std::size_t node) {
    const PlanNode& plan = state_.plan_node(node);
    if (!plan.approval.empty()) {
      act(AskPerson{node, -1, plan.approval});
    } else if (prove_red(node) && !is_out_of_time(node) && take_slot()) {
      act(StartAttempt{node});
    }
  }

  /// No attempt begins once a budget of time is used up.
  bool is_out_of_time(std::size_t node) {
    const auto left = state_.time_left(node, limits_.since_ms);
    if (!left || left->ms > 0) {
      return false;
    }
    act(Finish{node, Outcome::Failed, left->budget + " is used up", {}, true});
    return true;
  }

  /// Criteria with red_first have to fail before the work: one that is met already proves nothing,
  /// and is told before anything is spent. False: it is not proven yet, or never will be.
  bool prove_red(std::size_t node) {
    const NodeState& me = state_.nodes()[node];
    const PlanNode& plan = state_.plan_node(node);
    bool proven = true;
    for (std::size_t i = 0; i < plan.criteria.size(); ++i) {
      const CriterionState& criterion = me.criteria[i];
      if (!plan.criteria[i].red_first) {
        continue;
      }
      if (!criterion.red) {
        proven = false;
        if (!criterion.red_running && take_slot()) {
          act(StartCheck{node, i, Subject::Input});
        }
      } else if (*criterion.red == Verdict::Met) {
        fail(node,
             quoted(plan.criteria[i].text) +
                 " is met before the work, so it proves nothing (red_first)");
        return false;
      } else if (*criterion.red == Verdict::Unverified) {
        const std::string& service = plan.criteria[i].service;
        fail(node,
             quoted(plan.criteria[i].text) +
                 " could not be checked before the work: " + criterion.red_evidence.result +
                 (service.empty() ? ""
                                  : "; `red_first` needs " + quoted(service) +
                                        " to start without the work: leave `red_first` out where "
                                        "the task makes the service"));
        return false;
      }
    }
    return proven;
  }

  void start_again(std::size_t node) {
    const NodeState& me = state_.nodes()[node];
    const std::int64_t due = me.not_before_ms;
    if (due <= limits_.now_ms) {
      if (is_out_of_time(node)) {
        return;
      }
      const std::string& pool = state_.plan_node(node).pool;
      const bool has_place =
          me.stage != Stage::Parked || pool.empty() || (free_ > 0 && pool_has_room(pool));
      if (has_place && take_slot()) {
        act(StartAttempt{node});
      }
    } else if (!next_.wake_at_ms || due < *next_.wake_at_ms) {
      next_.wake_at_ms = due;
    }
  }

  void answer(std::size_t node) {
    const NodeState& me = state_.nodes()[node];
    if (!me.approved) {
      return;
    }
    if (*me.approved) {
      act(Finish{node, Outcome::Passed, "", me.input, false});
    } else {
      fail(node, "rejected by " + me.answered_by + (me.reason.empty() ? "" : ": " + me.reason));
    }
  }

  void gather(std::size_t node) {
    Outcome outcome = Outcome::Passed;
    std::string reason;
    for (const std::size_t instance : state_.nodes()[node].instances) {
      const NodeState& one = state_.nodes()[instance];
      if (!one.outcome) {
        return;
      }
      const bool failed = *one.outcome == Outcome::Failed || *one.outcome == Outcome::Errored;
      if (failed && outcome == Outcome::Passed) {
        outcome = *one.outcome;
        reason = quoted(one.id.value) + ": " + one.reason;
      }
    }
    act(Finish{node, outcome, reason, {}, false});
  }

  // ---- after the command ended
  // -------------------------------------------------------------------------

  void check(std::size_t node) {
    const NodeState& me = state_.nodes()[node];
    const AttemptEnded& last = *me.last;
    if (!last.is_through()) {
      if (is_shut_out(last) && me.parkings < state_.plan_node(node).retry.wake_ups) {
        act(Park{node, wake_time(me, limits_.now_ms), last.problem});
        return;
      }
      const bool lost = last.end.how == JobEnd::How::Lost;
      attempt_failed(node,
                     lost ? Outcome::Errored : Outcome::Failed,
                     last.problem.empty() ? to_text(last.end) : last.problem);
      return;
    }
    // The work of a phase is its tasks', so that its criteria can be tried on what was before them
    // only now that the phase is known to have come to its end.
    if (state_.plan_node(node).kind == NodeKind::PhaseGate && !prove_red(node)) {
      return;
    }
    const Tally tally = start_missing_checks(node);
    if (tally.running) {
      return;
    }
    const bool merges = state_.plan_node(node).merges;
    if (!tally.failure.empty() && merges && me.to_resolve.empty() && !tally.lost) {
      act(Resolve{node, tally.failure});
    } else if (!tally.failure.empty()) {
      attempt_failed(node, tally.lost ? Outcome::Errored : Outcome::Failed, tally.failure);
    } else if (merges && !me.to_resolve.empty() && !is_resolved(node)) {
      return;
    } else if (tally.unasked) {
      const dsl::Criterion& criterion = state_.plan_node(node).criteria[*tally.unasked];
      act(AskPerson{node, static_cast<std::int64_t>(*tally.unasked), question_of(criterion, me)});
    } else if (tally.all_met) {
      act(Finish{node, Outcome::Passed, "", last.produced, false});
    }
  }

  /// Whether what the attempt has made of the merge holds for all that was merged.
  bool is_resolved(std::size_t node) {
    const std::optional<std::size_t> place = state_.nodes()[node].resolved;
    if (!place) {
      act(VerifyResolved{node});
      return false;
    }
    if (state_.open_fan_ins().contains(*place)) {
      return false;
    }
    const FanIn& fan_in = state_.fan_ins()[*place];
    const std::string broken = broken_text(state_, fan_in);
    if (!broken.empty()) {
      attempt_failed(node, is_lost(state_, fan_in) ? Outcome::Errored : Outcome::Failed, broken);
    }
    return broken.empty();
  }

  Tally start_missing_checks(std::size_t node) {
    const NodeState& me = state_.nodes()[node];
    const PlanNode& plan = state_.plan_node(node);
    Tally tally;
    for (std::size_t i = 0; i < plan.criteria.size(); ++i) {
      const CriterionState& criterion = me.criteria[i];
      if (criterion.verdict) {
        tally.lost = tally.lost || criterion.evidence.lost;
        if (*criterion.verdict != Verdict::Met && tally.failure.empty()) {
          tally.failure = quoted(plan.criteria[i].text) +
                          (*criterion.verdict == Verdict::NotMet ? " is not met: "
                                                                 : " could not be verified: ") +
                          criterion.evidence.result;
        }
        tally.all_met = tally.all_met && *criterion.verdict == Verdict::Met;
        continue;
      }
      tally.all_met = false;
      if (!question_of(plan.criteria[i], me).empty()) {
        if (!criterion.asked && !tally.unasked) {
          tally.unasked = i;
        }
        continue;
      }
      tally.running = true;
      if (!criterion.running && take_slot()) {
        act(StartCheck{node, i, Subject::Produced});
      }
    }
    return tally;
  }

  void attempt_failed(std::size_t node, Outcome outcome, const std::string& reason) {
    const NodeState& me = state_.nodes()[node];
    const dsl::Retry& retry = state_.plan_node(node).retry;
    // The attempt had no more time than was left.
    const auto left = state_.time_left(node, limits_.since_ms);
    if (left && left->ms == 0) {
      act(Finish{node, outcome, left->budget + " is used up: " + reason, {}, true});
      return;
    }
    const std::string stuck = stuck_text(node);
    if (!stuck.empty() && me.failures + 1 < retry.attempts) {
      act(Finish{node, outcome, reason + "; " + stuck, {}, false});
      return;
    }
    const bool woken_in_vain = is_shut_out(*me.last) && me.parkings > 0;
    if (me.failures + 1 >= retry.attempts || state_.plan_node(node).command.argv.empty() ||
        is_hopeless(me.last) || is_refused(node) || woken_in_vain) {
      act(Finish{node, outcome, woken_in_vain ? reason + woken_text(me) : reason, {}, false});
      return;
    }
    act(Retry{node, limits_.now_ms + backoff(retry, me.failures), reason});
  }

  /// Says which criterion shows that another attempt would only fail in the same way once more, ""
  /// none.
  std::string stuck_text(std::size_t node) const {
    const PlanNode& plan = state_.plan_node(node);
    const NodeState& me = state_.nodes()[node];
    for (std::size_t i = 0; plan.retry.same_failure > 0 && i < plan.criteria.size(); ++i) {
      if (me.criteria[i].verdict == Verdict::NotMet &&
          me.criteria[i].failures >= plan.retry.same_failure) {
        return quoted(plan.criteria[i].text) + " has now failed " +
               std::to_string(me.criteria[i].failures) +
               " times in the same way, so nothing more is tried (retry: same_failure)";
      }
    }
    return "";
  }

  /// The provider of the agent's model takes nothing more for a while.
  static bool is_shut_out(const AttemptEnded& last) {
    return last.agent && !last.is_through() && last.agent->reason == dsl::AgentReason::RateWindow;
  }

  static std::string woken_text(const NodeState& me) {
    return "; it has waited for its provider " +
           (me.parkings == 1 ? std::string("once") : std::to_string(me.parkings) + " times") +
           ", which is all that its `retry: {wake_ups: …}` allows";
  }

  /// A little after the window opens. One that was found shut again, or that nobody told the end
  /// of, is left alone for longer each time.
  static std::int64_t wake_time(const NodeState& me, std::int64_t now_ms) {
    const std::int64_t resets_ms = me.last->agent->resets_at_s * 1000;
    // No window is that long: what says so is another unit, or wrong.
    const bool is_known = resets_ms > 0 && resets_ms <= now_ms + kLongestParkingMs;
    std::int64_t least = is_known && me.fruitless == 0 ? 0 : kFirstBlindWaitMs;
    for (std::int64_t i = is_known ? 1 : 0; i < me.fruitless && least < kLongestBlindWaitMs; ++i) {
      least *= 2;
    }
    least = now_ms + std::min(least, kLongestBlindWaitMs);
    return is_known ? std::max(resets_ms + kWakeMarginMs, least) : least;
  }

  /// Another attempt of the agent would find no credential, no money or no price either.
  static bool is_hopeless(const std::optional<AttemptEnded>& last) {
    return last && last->agent && !last->is_through() &&
           (last->agent->reason == dsl::AgentReason::Auth ||
            last->agent->reason == dsl::AgentReason::Budget ||
            last->agent->reason == dsl::AgentReason::Unpriced);
  }

  /// A person said no for good.
  bool is_refused(std::size_t node) const {
    const auto& criteria = state_.plan_node(node).criteria;
    const NodeState& me = state_.nodes()[node];
    for (std::size_t i = 0; i < criteria.size(); ++i) {
      if (me.criteria[i].verdict == Verdict::NotMet && !question_of(criteria[i], me).empty()) {
        return true;
      }
    }
    return false;
  }

  static std::int64_t backoff(const dsl::Retry& retry, std::int64_t failures_before) {
    std::int64_t wait = retry.backoff.ms;
    for (std::int64_t i = 0; i < failures_before && wait < kLongestBackoffMs; ++i) {
      wait *= 2;
    }
    wait = std::min(wait, kLongestBackoffMs);
    return retry.max_backoff.ms > 0 ? std::min(wait, retry.max_backoff.ms) : wait;
  }

  static constexpr std::size_t kMostItems = 10'000;
  static constexpr std::int64_t kLongestBackoffMs = 24LL * 3600 * 1000;
  static constexpr std::int64_t kWakeMarginMs = 5'000;  // clocks differ
  static constexpr std::int64_t kFirstBlindWaitMs = 60'000;
  static constexpr std::int64_t kLongestBlindWaitMs = 3600LL * 1000;
  static constexpr std::int64_t kLongestParkingMs = 8LL * 24 * 3600 * 1000;  // windows: a week

  const RunState& state_;
  const SchedulerLimits& limits_;
  std::size_t free_;
  bool settles_some_ = false;
  std::map<std::string, std::int64_t> pools_taken_;
  std::map<std::string, std::int64_t> checks_started_;
  NextActions next_;
};

}  // namespace

NextActions next_actions(const RunState& state, const SchedulerLimits& limits) {
  return Planner(state, limits).run();
}

Standstill standstill(const RunState& state) {
  if (state.settled() == state.nodes().size() && state.open_fan_ins().empty()) {
    return Standstill::Done;
  }
  bool backoff = false;
  bool waiting = false;
  for (const RunState::Rank& rank : state.active()) {
    const NodeState& node = state.nodes()[rank.node];
    backoff = backoff || node.stage == Stage::Backoff || node.stage == Stage::Parked;
    waiting = waiting || node.stage == Stage::Asking;
    for (const CriterionState& criterion : node.criteria) {
      waiting = waiting || (criterion.asked && !criterion.verdict);
    }
  }
  if (backoff) {
    return Standstill::Backoff;
  }
  return waiting ? Standstill::Waiting : Standstill::Stuck;
}

Outcome outcome_of(const RunState& state) {
  Outcome outcome = Outcome::Passed;
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const NodeState& node = state.nodes()[i];
    if (state.plan_node(i).allow_failure) {
      continue;
    }
    if (node.outcome == Outcome::Errored) {
      return Outcome::Errored;
    }
    if (node.outcome == Outcome::Failed) {
      outcome = Outcome::Failed;
    }
  }
  return outcome;
}

std::vector<std::size_t> result_sides(const RunState& state) {
  std::vector<bool> needed(state.plan().nodes.size(), false);
  for (const PlanNode& node : state.plan().nodes) {
    for (const dsl::NodeIndex need : node.needs) {
      needed[need] = true;
    }
  }
  std::vector<std::size_t> sides;
  for (std::size_t i = 0; i < needed.size(); ++i) {
    if (needed[i]) {
      continue;
    }
    if (state.nodes()[i].outcome == Outcome::Passed && !state.plan().nodes[i].for_each) {
      sides.push_back(i);
    } else {
      const std::vector<std::size_t> instead = state.stands_for(i);
      sides.insert(sides.end(), instead.begin(), instead.end());
    }
  }
  std::sort(sides.begin(), sides.end());
  sides.erase(std::unique(sides.begin(), sides.end()), sides.end());
  return sides;
}

std::vector<std::int64_t> remaining_path(const dsl::Plan& plan,
                                         const std::vector<std::int64_t>& expected_ms) {
  std::vector<std::int64_t> remaining(plan.nodes.size(), 0);
  for (std::size_t i = plan.nodes.size(); i-- > 0;) {
    const bool works = !plan.nodes[i].command.argv.empty();
    remaining[i] += expected_ms[i] > 0 ? expected_ms[i] : (works ? 1000 : 0);
    for (const dsl::NodeIndex need : plan.nodes[i].needs) {
      remaining[need] = std::max(remaining[need], remaining[i]);
    }
  }
  return remaining;
}

}  // namespace runner
