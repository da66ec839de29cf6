#include "runner/run/run_loop.h"

#include <algorithm>
#include <deque>
#include <utility>

#include <fmt/format.h>

#include "runner/run/event_masking.h"
#include "runner/run/executor.h"
#include "runner/run/fan_in_checks.h"
#include "runner/run/node_results.h"
#include "runner/run/orders.h"
#include "runner/run/scheduler.h"
#include "runner/run/verifier.h"

namespace runner {

namespace {
constexpr dsl::Duration kCompany{3};  // how long facts wait for others to be committed with
}

using dsl::Error;
using dsl::Ok;
using dsl::Result;
using dsl::Status;

struct RunLoop::Impl : std::enable_shared_from_this<Impl> {
  Impl(RunState& state_in,
       RunParts parts_in,
       RunLoopOptions options_in,
       std::function<void(RunEnd)> ended_in)
      : state(state_in),
        parts(std::move(parts_in)),
        options(std::move(options_in)),
        ended(std::move(ended_in)),
        executor({parts.trees,
                  parts.files,
                  parts.clock,
                  parts.egress,
                  parts.secrets,
                  parts.agents,
                  options.grace},
                 {[this](const dsl::NodeId& node, std::string_view line) {
                    for (Observer* observer : parts.observers) {
                      observer->on_line(node, line);
                    }
                  },
                  [this](EgressDenied denied) { fact(std::move(denied)); },
                  [this](PermissionDenied denied) { fact(std::move(denied)); },
                  [this](ModelAnswered answered) { fact(std::move(answered)); },
                  [this](BudgetReached reached) { fact(std::move(reached)); },
                  [this] { tick_soon(); }}),
        context{state, parts.trees, options.job_prefix, parts.secrets},
        results(context, parts.cache, options.reuse, parts.clock, parts.images),
        fan_in_checks({context, executor, results, parts.clock, parts.engines}) {}

  // Constant after construction.
  RunState& state;
  RunParts parts;
  RunLoopOptions options;
  std::function<void(RunEnd)> ended;
  Executor executor;
  OrderContext context;
  NodeResults results;
  FanInChecks fan_in_checks;

  // State of the loop itself; what a resumed run needs is in `state`.
  std::vector<Event> batch;                    // recorded in this tick, not yet committed
  std::vector<std::function<void()>> effects;  // to be started once the batch is committed
  std::deque<decltype(Event::what)> facts;     // came in since the last tick
  std::size_t under_way = 0;                   // effects that have not called back
  bool tick_due = false;
  bool urgent = false;       // work waits for the batch to be committed
  bool commit_due = false;   // the batch is committed a little later
  bool committing = false;   // nothing is noted meanwhile: the state is what observers are told
  bool tick_missed = false;  // because of that
  bool stopping = false;
  bool over = false;
  std::string stopped_by;
  std::optional<std::int64_t> alarm_ms;
  std::optional<std::int64_t> noted_ms;  // monotonic, when the last event was noted

  // ---- the tick
  // -----------------------------------------------------------------------------------

  /// Several facts that come in one round of the event loop share one tick, and so one commit.
  void tick_soon() {
    if (!tick_due && !over) {
      tick_due = true;
      parts.clock.after(dsl::Duration{0}, [self = shared_from_this()] {
        self->tick_due = false;
        self->tick();
      });
    }
  }

  void fact(decltype(Event::what) what) {
    facts.push_back(std::move(what));
    tick_soon();
  }

  void tick() {
    if (over) {
      return;
    }
    if (committing) {
      tick_missed = true;
      return;
    }
    std::optional<std::int64_t> wake_at_ms;
    while (!over) {
      while (!facts.empty()) {
        decltype(Event::what) what = std::move(facts.front());
        facts.pop_front();
        if (auto* opened = std::get_if<FanInOpened>(&what)) {
          fan_in_checks.number(*opened);
        }
        note(std::move(what));
      }
      SchedulerLimits limits;
      // A slot is for a container: while what one left is read, the next may run. Bounded, as a
      // tree that is read holds memory and a folder too.
      limits.slots = options.slots + std::min(executor.reading_back(), options.slots);
      limits.now_ms = parts.clock.wall_ms();
      limits.since_ms = since_noted_ms();
      limits.stopping = stopping;
      limits.hash_files = [this](const std::vector<std::string>& globs) {
        return parts.trees.hash_files(state.input(), globs);
      };
      NextActions next = next_actions(state, limits);
      wake_at_ms = next.wake_at_ms;
      if (next.actions.empty() || stopping) {
        break;
      }
      for (const Action& action : next.actions) {
        std::visit([this](const auto& one) { act(one); }, action);
      }
    }
    if (over) {
      return;
    }
    if (wake_at_ms) {
      set_alarm(*wake_at_ms);
    }
    if (may_wait()) {
      commit_later();
      return;
    }
    commit([this] {
      run_effects();
      if (std::exchange(tick_missed, false)) {
        tick_soon();
      }
      end_if_still();
    });
  }

  /// Facts that nothing follows from, while others are to come, wait for these and share their
  /// commit: what is not committed is not shown either.
  bool may_wait() const { return !urgent && !batch.empty() && under_way > 0 && !stopping; }

  void commit_later() {
    if (std::exchange(commit_due, true)) {
      return;
    }
    parts.clock.after(kCompany, [self = shared_from_this()] {
      if (std::exchange(self->commit_due, false) && !self->over) {
        self->urgent = true;
        self->tick();
      }
    });
  }

  /// Adds an event to the tick; the state already shows it, the world not yet.
  void note(decltype(Event::what) what) {
    Event event;
    event.sequence = state.sequence() + 1;
    event.at_ms = parts.clock.wall_ms();
    event.after_ms = since_noted_ms();
    event.what = std::move(what);
    if (parts.secrets != nullptr && !parts.secrets->masking().empty()) {
      event = masked(event, parts.secrets->masking());
    }
    const Status applied = state.apply(event);
    if (!applied) {
      break_off(applied.error());
      return;
    }
    noted_ms = parts.clock.monotonic_ms();
    batch.push_back(std::move(event));
  }

  std::int64_t since_noted_ms() const {
    return noted_ms ? parts.clock.monotonic_ms() - *noted_ms : 0;
  }

  /// Commits the tick's events, tells the observers, then calls `then`. Where the journal cannot be
  /// written the run breaks off instead.
  template <class Then>
  void commit(Then then) {
    urgent = false;
    if (batch.empty()) {
      then();
      return;
    }
    committing = true;
    commit_due = false;
    const auto events = std::make_shared<const std::vector<Event>>(std::exchange(batch, {}));
    parts.journal.append(events, [self = shared_from_this(), events, then](const Status& written) {
      self->committing = false;
      if (!written) {
        self->break_off(written.error().within("journal"));
        return;
      }
      for (Observer* observer : self->parts.observers) {
        observer->on_events(self->state, *events);
      }
      then();
    });
  }

  /// Work that the events of this tick are the beginning of.
  void begin_after_commit(std::function<void()> effect) {
    effects.push_back(std::move(effect));
    urgent = true;
  }

  void run_effects() {
    std::vector<std::function<void()>> now = std::move(effects);
    effects.clear();
    for (std::function<void()>& effect : now) {
      effect();
    }
  }

  void set_alarm(std::int64_t at_ms) {
    if (alarm_ms && *alarm_ms <= at_ms) {
      return;
    }
    alarm_ms = at_ms;
    const std::int64_t delay = std::max<std::int64_t>(at_ms - parts.clock.wall_ms(), 0);
    parts.clock.after(dsl::Duration{delay}, [self = shared_from_this()] {
      self->alarm_ms.reset();
      self->tick_soon();
    });
  }

  // ---- the end
  // ------------------------------------------------------------------------------------

  void end_if_still() {
    if (over || under_way > 0 || !facts.empty() || tick_due) {
      return;
    }
    if (stopping) {
      note(RunInterrupted{stopped_by});
      commit([this] { finish({RunEnd::How::Interrupted, {}}); });
      return;
    }
    if (state.outcome()) {
      finish({RunEnd::How::Finished, {}});
      return;
    }
    switch (standstill(state)) {
      case Standstill::Done:
        merge_result();
        return;
      case Standstill::Waiting:
        finish({RunEnd::How::Waiting, {}});
        return;
      case Standstill::Backoff:
        return;
      case Standstill::Stuck:
        finish({RunEnd::How::Broken,
                {"BUG: nothing is under way, but not every node is settled",
                 "please report this with the pipeline"}});
        return;
    }
  }

  void merge_result() {
    const Outcome outcome = outcome_of(state);
    const std::vector<std::size_t> sides = result_sides(state);
    if (outcome != Outcome::Passed || sides.empty()) {
      fact(RunFinished{outcome, outcome == Outcome::Passed ? state.input() : TreeRef{}, ""});
      return;
    }
    ++under_way;
    parts.trees.merge(merge_sides(sides), [self = shared_from_this()](Result<Merge> merge) {
      --self->under_way;
      if (!merge) {
        self->fact(RunFinished{Outcome::Errored, {}, merge.error().message});
      } else if (!merge->conflicts.empty()) {
        self->fact(RunFinished{Outcome::Failed, {}, conflict_text(merge->conflicts)});
      } else {
        self->end_with(merge->tree);
      }
    });
  }

  /// The run has come to this tree; what was merged for it has to prove itself first.
  void end_with(const TreeRef& tree) {
    const std::vector<std::size_t> sides = result_sides(state);
    const auto known = state.find_fan_in(tree, sides);
    if (!known || state.result_fan_in() != known) {
      if (auto opened = fan_in_checks.opening(dsl::NodeId(), sides, tree)) {
        fact(*std::move(opened));
        return;
      }
    }
    const std::string broken = known ? broken_text(state, state.fan_ins()[*known]) : "";
    if (broken.empty()) {
      fact(RunFinished{Outcome::Passed, tree, ""});
    } else if (is_lost(state, state.fan_ins()[*known])) {
      fact(RunFinished{Outcome::Errored, {}, broken});
    } else {
      fact(RunFinished{Outcome::Failed, {}, broken + "; let one of them need the other"});
    }
  }

  void break_off(Error error) {
    stopping = true;
    executor.stop_all(dsl::Duration{0});
    finish({RunEnd::How::Broken, std::move(error)});
  }

  void finish(RunEnd end) {
    if (!over) {
      over = true;
      results.flush();
      parts.clock.after(dsl::Duration{0}, [self = shared_from_this(), end] { self->ended(end); });
    }
  }

  void record(decltype(Event::what) what, std::function<void(Status)> done) {
    note(std::move(what));
    const auto events = std::make_shared<const std::vector<Event>>(std::exchange(batch, {}));
    parts.journal.append(events, [self = shared_from_this(), events, done](Status written) {
      if (written) {
        for (Observer* observer : self->parts.observers) {
          observer->on_events(self->state, *events);
        }
      }
      done(std::move(written));
    });
  }

  void stop(const std::string& by) {
    if (over) {
      return;
    }
    const dsl::Duration grace = stopping ? dsl::Duration{0} : options.grace;
    stopping = true;
    stopped_by = by;
    executor.stop_all(grace);
    tick_soon();
  }

  // ---- actions: each records an event, and has its effect after the commit
  // ---------------------------

  const dsl::NodeId& id(std::size_t node) const { return state.nodes()[node].id; }

  void act(const Admit& action) { note(ConditionHeld{id(action.node)}); }

  void act(const Skip& action) { note(NodeSkipped{id(action.node), action.reason}); }

  void act(const Expand& action) { note(NodeExpanded{id(action.node), action.items}); }

  void act(const AskPerson& action) {
    note(PersonAsked{id(action.node), action.criterion, action.question});
  }

  void act(const Retry& action) {
    const std::int64_t attempt = state.nodes()[action.node].attempt;
    note(RetryScheduled{id(action.node), attempt, action.not_before_ms, action.reason});
    settle_caches(action.node, CachesOf::Failed);
  }

  void act(const Park& action) {
    const std::int64_t attempt = state.nodes()[action.node].attempt;
    note(NodeParked{id(action.node), attempt, action.until_ms, action.reason});
    settle_caches(action.node, CachesOf::Failed);
  }

  void act(const Finish& action) {
    note(NodeFinished{
        id(action.node), action.outcome, action.reason, action.tree, action.out_of_time});
    const bool passed = action.outcome == Outcome::Passed;
    if (passed) {
      effects.emplace_back([this, node = action.node] { results.keep(node); });
    }
    settle_caches(action.node, passed ? CachesOf::Passed : CachesOf::Failed);
  }

  /// Later nodes find what a verified one left, and nothing of any other.
  void settle_caches(std::size_t node, CachesOf verdict) {
    const NodeState& me = state.nodes()[node];
    if (state.plan_node(node).caches.empty() || me.reused || me.attempt == 0) {
      return;
    }
    begin_after_commit([this, job = attempt_job(context, node, me.attempt), verdict] {
      ++under_way;
      parts.trees.settle_caches(job, verdict, [self = shared_from_this()](const Status&) {
        --self->under_way;
        self->tick_soon();
      });
    });
  }

  void act(const PrepareInput& action) {
    const std::vector<std::size_t> places = state.sides(action.node);
    TreeRef only = state.input();
    bool equal = true;
    for (std::size_t i = 0; i < places.size(); ++i) {
      const TreeRef& tree = state.nodes()[places[i]].tree;
      equal = equal && (i == 0 || tree == only);
      only = i == 0 ? tree : only;
    }
    if (equal) {
      take_input(action.node, only);
      return;
    }
    note(InputRequested{id(action.node)});
    begin_after_commit([this, node = action.node, sides = merge_sides(places)] {
      ++under_way;
      parts.trees.merge(sides, [self = shared_from_this(), node](Result<Merge> merge) {
        --self->under_way;
        self->merged(node, merge);
      });
    });
  }

  std::vector<MergeSide> merge_sides(const std::vector<std::size_t>& places) const {
    std::vector<MergeSide> sides;
    for (const std::size_t place : places) {
      sides.push_back({id(place), state.nodes()[place].tree});
    }
    return sides;
  }

  void merged(std::size_t node, const Result<Merge>& merge) {
    if (stopping) {
      tick_soon();  // a resumed run merges again
    } else if (!merge) {
      fact(NodeFinished{id(node), Outcome::Errored, "merge: " + merge.error().message, {}});
    } else if (!merge->conflicts.empty() && state.plan_node(node).merges) {
      unresolved(node, merge->tree, conflicts_of(*merge), marked_files(*merge), [this](auto what) {
        fact(std::move(what));
      });
    } else if (!merge->conflicts.empty()) {
      fact(NodeFinished{id(node), Outcome::Failed, conflict_text(merge->conflicts), {}});
    } else if (auto opened = fan_in_checks.opening(id(node), state.sides(node), merge->tree)) {
      fact(*std::move(opened));
    } else {
      ready_facts(node, merge->tree, [this](auto what) { fact(std::move(what)); });
    }
  }

  void act(const TakeMerged& action) {
    take_input(action.node, state.fan_ins()[*state.nodes()[action.node].fan_in].tree);
  }

  void act(const StartFanInCheck& action) {
    FanInCheckStarted begun = fan_in_checks.announce(action);
    note(std::move(begun));
    begin_after_commit([this, action] {
      ++under_way;
      fan_in_checks.start(action, [self = shared_from_this()](std::optional<FanInCheckEnded> end) {
        --self->under_way;
        self->take(std::move(end));
      });
    });
  }

  void act(const Resolve& action) {
    const NodeState& me = state.nodes()[action.node];
    const bool is_merged = me.stage == Stage::Verifying;
    unresolved(action.node,
               is_merged ? state.fan_ins()[*me.fan_in].tree : me.input,
               action.problem,
               {},
               [this](auto what) { note(std::move(what)); });
  }

  /// Its command is to run, unless what it once made of exactly this was verified.
  template <class Tell>
  void unresolved(std::size_t node,
                  const TreeRef& input,
                  const std::string& problem,
                  const std::vector<std::string>& marked,
                  Tell tell) {
    const bool has_input = state.nodes()[node].stage == Stage::Checking;
    NodeResults::Found found = results.look_up(node, input);
    if (!has_input) {
      tell(std::move(found.ready));
    }
    tell(MergeUnresolved{id(node), problem, marked});
    if (found.reused) {
      tell(*std::move(found.reused));
    }
  }

  void act(const VerifyResolved& action) {
    const NodeState& me = state.nodes()[action.node];
    const std::vector<std::size_t> sides = state.sides(action.node);
    auto opened = fan_in_checks.opening(me.id, sides, me.last->produced);
    if (!opened) {
      opened = FanInOpened{1, me.id, me.last->produced, {}, {}};
      for (const std::size_t side : sides) {
        opened->sides.push_back(id(side));
      }
    }
    opened->resolved = true;
    fan_in_checks.number(*opened);
    note(*std::move(opened));
  }

  /// Files in which somebody has to choose between the lines of both sides.
  std::vector<std::string> marked_files(const Merge& merge) {
    std::vector<std::string> marked;
    for (const MergeConflict& conflict : merge.conflicts) {
      if (has_marks(merge.tree, conflict.path) &&
          std::find(marked.begin(), marked.end(), conflict.path) == marked.end()) {
        marked.push_back(conflict.path);
      }
    }
    return marked;
  }

  bool has_marks(const TreeRef& tree, const std::string& path) {
    constexpr std::int64_t kMost = 16 << 20;
    const auto file = parts.trees.read_file(tree, path, kMost);
    return file && *file && !(*file)->symlink &&
           ("\n" + (*file)->bytes).find(std::string("\n") + kConflictMark) != std::string::npos;
  }

  /// An attempt that leaves such marks has resolved nothing, whatever is checked.
  void look_for_marks(AttemptEnded& end) {
    const auto node = state.find(end.node);
    if (!node || !end.is_through()) {
      return;
    }
    for (const std::string& path : state.nodes()[*node].marked) {
      if (has_marks(end.produced, path)) {
        end.problem = fmt::format("'{}' still has the marks of a conflict", path);
        return;
      }
    }
  }

  static std::string conflicts_of(const Merge& merge) {
    return "the work of its needs does not merge:" + list_of(merge.conflicts);
  }

  static std::string conflict_text(const std::vector<MergeConflict>& conflicts) {
    return "the work of its needs does not merge:" + list_of(conflicts) +
           "; let one of them need the other, or write to different files";
  }

  static std::string list_of(const std::vector<MergeConflict>& conflicts) {
    std::string text;
    constexpr std::size_t kShown = 10;
    for (std::size_t i = 0; i < conflicts.size() && i < kShown; ++i) {
      text += fmt::format("{} '{}' was changed by both '{}' and '{}'",
                          i == 0 ? "" : ";",
                          conflicts[i].path,
                          conflicts[i].ours.value,
                          conflicts[i].theirs.value);
    }
    if (conflicts.size() > kShown) {
      text += fmt::format("; and {} more files", conflicts.size() - kShown);
    }
    return text;
  }

  void take_input(std::size_t node, const TreeRef& input) {
    ready_facts(node, input, [this](auto what) { note(std::move(what)); });
  }

  /// The input is known: is there a verified result for exactly this?
  template <class Tell>
  void ready_facts(std::size_t node, const TreeRef& input, Tell tell) {
    NodeResults::Found found = results.look_up(node, input);
    tell(std::move(found.ready));
    if (found.reused && !state.plan_node(node).merges) {
      tell(*std::move(found.reused));
    }
  }

  void act(const StartAttempt& action) {
    const NodeState& me = state.nodes()[action.node];
    Result<AttemptOrder> order =
        attempt_order(context, action.node, parts.clock.wall_ms(), since_noted_ms());
    if (!order) {
      note(NodeFinished{me.id, Outcome::Failed, order.error().message, {}});
      return;
    }
    order->work.engine = parts.engines[me.plan_node];
    note(AttemptStarted{me.id, order->attempt, order->work.job, order->work.tree});
    begin_after_commit([this, order = *std::move(order)]() mutable {
      ++under_way;
      executor.run_attempt(std::move(order),
                           [self = shared_from_this()](std::optional<AttemptEnded> end) {
                             --self->under_way;
                             if (end) {
                               self->look_for_marks(*end);
                             }
                             self->take(std::move(end));
                           });
    });
  }

  void act(const StartCheck& action) {
    const NodeState& me = state.nodes()[action.node];
    Result<CheckOrder> order = check_order(context, action.node, action.criterion, action.subject);
    CheckStarted started{me.id,
                         action.subject == Subject::Input ? 0 : me.attempt,
                         static_cast<std::int64_t>(action.criterion),
                         action.subject,
                         {}};
    if (!order) {
      note(started);
      CheckEnded ended_check{
          me.id, started.attempt, started.criterion, action.subject, Verdict::Unverified, {}};
      ended_check.evidence.result = order.error().message;
      note(std::move(ended_check));
      return;
    }
    order->work.engine = parts.engines[me.plan_node];
    started.job = order->work.job;
    note(started);
    if (!needs_container(state.plan_node(action.node).criteria[action.criterion])) {
      judge_here(action, started);
      return;
    }
    begin_after_commit([this, order = *std::move(order)]() mutable {
      ++under_way;
      executor.run_check(std::move(order),
                         [self = shared_from_this()](std::optional<CheckEnded> end) {
                           --self->under_way;
                           if (end) {
                             self->mark_red(*end);
                           }
                           self->take(std::move(end));
                         });
    });
  }

  void judge_here(const StartCheck& action, const CheckStarted& started) {
    const NodeState& me = state.nodes()[action.node];
    const TreeRef before = state.before(action.node);
    const TreeRef& subject = action.subject == Subject::Input ? before : me.last->produced;
    const std::int64_t begun_ms = parts.clock.monotonic_ms();
    Judgement judgement = judge_tree(state.plan_node(action.node).criteria[action.criterion],
                                     parts.trees,
                                     before,
                                     state.input(),
                                     subject);
    judgement.evidence.took = dsl::Duration{parts.clock.monotonic_ms() - begun_ms};
    CheckEnded end{started.node,
                   started.attempt,
                   started.criterion,
                   started.subject,
                   judgement.verdict,
                   std::move(judgement.evidence)};
    mark_red(end);
    note(std::move(end));
  }

  void mark_red(CheckEnded& end) const {
    const auto node = state.find(end.node);
    if (node && end.subject == Subject::Produced) {
      const auto& criterion =
          state.nodes()[*node].criteria[static_cast<std::size_t>(end.criterion)];
      end.evidence.was_red = criterion.red == Verdict::NotMet;
    }
  }

  /// Work that `stop` cut short leaves no event: a resumed run does it again.
  template <class End>
  void take(std::optional<End> end) {
    if (end) {
      fact(*std::move(end));
    } else {
      tick_soon();
    }
  }
};

RunLoop::RunLoop(RunState& state,
                 RunParts parts,
                 RunLoopOptions options,
                 std::function<void(RunEnd)> ended)
    : impl_(std::make_shared<Impl>(state, std::move(parts), std::move(options), std::move(ended))) {
}

/// An alarm may be set yet: it finds nothing to do, and does not look at what we borrowed.
RunLoop::~RunLoop() {
  impl_->over = true;
}

void RunLoop::start(RunStarted how) {
  impl_->fact(std::move(how));
}

void RunLoop::resume() {
  impl_->fact(RunResumed{});
}

void RunLoop::stop(const std::string& by) {
  impl_->stop(by);
}

void RunLoop::record(decltype(Event::what) what, std::function<void(dsl::Status)> done) {
  impl_->record(std::move(what), std::move(done));
}

}  // namespace runner
