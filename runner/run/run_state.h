#pragma once

// The state of a run: a fold of its events over its plan. Changed by `apply` only (law 2); knows
// no clock and does nothing. Loop thread.

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/event.h"
#include "runner/run/fan_in.h"
#include "runner/run/named_tasks.h"
#include "runner/run/work_time.h"

namespace runner {

/// Where a node is on its way. Waiting -> Open -> [Merging -> [Verifying]] -> Prepared -> Running
/// -> Checking -> Settled; Verifying waits until what was merged has proved itself again; Backoff
/// leads back to Prepared, and so does Parked, which waits for its model's provider and holds no
/// place in a pool; Expanded is a for_each node that waits for its instances; Asking waits for a
/// person.
enum class Stage {
  Waiting,
  Open,
  Merging,
  Verifying,
  Prepared,
  Running,
  Checking,
  Backoff,
  Parked,
  Asking,
  Expanded,
  Settled
};

struct CriterionState {
  bool red_running = false;
  std::optional<Verdict> red;  // on the input tree; NotMet is what red_first wants
  Evidence red_evidence;
  bool running = false;
  bool asked = false;
  std::string failure_mark;        // how it failed last; "" it did not
  std::int64_t failures = 0;       // in that way, one after the other
  std::optional<Verdict> verdict;  // on the produced tree of the current attempt
  Evidence evidence;
};

/// A person wants the work done again.
struct SentBack {
  std::string by;
  std::string because;
};

struct NodeState {
  dsl::NodeId id;
  dsl::NodeIndex plan_node = 0;        // instances of a for_each share their node's
  std::optional<dsl::Value> item;      // of an instance
  std::optional<std::size_t> group;    // of an instance: place of its for_each node
  std::vector<std::size_t> instances;  // of a for_each node, after it was expanded

  Stage stage = Stage::Waiting;
  std::size_t unsettled_needs = 0;

  std::optional<std::size_t> fan_in;  // place of the merge that it starts from, if it was verified
  std::string to_resolve;             // of a merge: what does not go together; "" all does
  std::vector<std::string> marked;    // files of `input` with marks of that
  std::optional<std::size_t> resolved;  // place of what the attempt made of it, to be verified
  TreeRef input;
  std::string key;
  std::string reuse;  // for people: why taken from the cache, or why not
  bool reused = false;
  dsl::RunId reused_from;

  std::int64_t attempt = 0;      // of the last AttemptStarted
  std::int64_t failures = 0;     // attempts that failed; those that a crash cut short do not count
  std::int64_t started_ms = 0;   // wall clock, of the first attempt (or the input)
  std::int64_t finished_ms = 0;  // wall clock
  std::int64_t started_lived_ms = 0;  // the same by RunState::lived_ms
  std::int64_t finished_lived_ms = 0;
  std::int64_t attempt_started_ms = 0;
  std::int64_t not_before_ms = 0;
  std::int64_t parkings = 0;          // how often it was parked
  std::int64_t fruitless = 0;         // … since its model last answered
  bool parked = false;                // `last` was broken off so, and the next attempt goes on
  std::int64_t worked_ms = 0;         // of its time limit, in attempts that were broken off so
  std::optional<AttemptEnded> last;   // the last attempt that ended
  std::string last_failure;           // why it failed, for people and for feedback
  std::optional<SentBack> sent_back;  // told to every attempt from then on
  std::vector<CriterionState> criteria;
  std::vector<EgressDenied> denied;             // what its network was refused, each once
  std::vector<PermissionDenied> not_permitted;  // each once, of all attempts
  std::vector<FlaggedPath> flagged;             // what of its changes reaches beyond it
  Spend spent;                                  // on its model, in all attempts
  dsl::Money told_cost;                         // by the agents themselves, in all attempts
  std::int64_t budget_mark = 0;                 // the highest of BudgetReached

  std::optional<Outcome> outcome;  // when Settled
  bool out_of_time = false;        // Failed, and a budget of time is why
  bool failed_above = false;       // Skipped, and a need of its stood in the way
  std::string reason;
  std::optional<bool> approved;  // an approval's answer
  std::string answered_by;
  std::int64_t answered_ms = 0;  // wall clock
  TreeRef tree;                  // what it hands downstream; REQUIRES: outcome is Passed
  dsl::Value::Record outputs;
};

class RunState {
 public:
  /// `plan` must outlive the state. `usual_ms` says how long each plan node took in earlier runs, 0
  /// where that is not known; empty: nothing is. Of two nodes that could start, the one does from
  /// which the way to the end of the plan is expected to be longer.
  explicit RunState(const dsl::Plan& plan, const std::vector<std::int64_t>& usual_ms = {});

  /// An Error only for an event that does not fit the plan or the state: a journal of another plan,
  /// or a bug. The state is then unchanged.
  dsl::Status apply(const Event& event);

  [[nodiscard]] const dsl::Plan& plan() const { return plan_; }
  [[nodiscard]] const std::vector<NodeState>& nodes() const { return nodes_; }
  [[nodiscard]] const dsl::PlanNode& plan_node(std::size_t node) const {
    return plan_.nodes[nodes_[node].plan_node];
  }
  /// What the author expects a node to take, else what it usually took; 0 is unknown.
  [[nodiscard]] std::int64_t expected_ms(std::size_t node) const {
    return expected_ms_[nodes_[node].plan_node];
  }
  [[nodiscard]] std::optional<std::size_t> find(const dsl::NodeId& id) const;
  /// The need's place as seen from this node (an instance has the needs of its for_each node).
  [[nodiscard]] const std::vector<dsl::NodeIndex>& needs(std::size_t node) const {
    return plan_node(node).needs;
  }

  [[nodiscard]] const dsl::RunId& run() const { return run_; }
  [[nodiscard]] const TreeRef& input() const { return input_; }
  [[nodiscard]] const std::string& taken() const { return taken_; }
  [[nodiscard]] const std::string& plan_digest() const { return plan_digest_; }
  /// What a commit says of the plan: the digest that people approved, where it was sealed.
  [[nodiscard]] const std::string& digest_for_people() const {
    return sealed_.empty() ? plan_digest_ : sealed_;
  }
  /// Digest of the sealed plan that is run, and whose word for it counted; "" none.
  [[nodiscard]] const std::string& sealed() const { return sealed_; }
  [[nodiscard]] const std::vector<std::string>& approved_by() const { return approved_by_; }
  [[nodiscard]] bool started() const { return !run_.empty(); }
  [[nodiscard]] std::optional<Outcome> outcome() const { return outcome_; }
  [[nodiscard]] const TreeRef& result() const { return result_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const std::string& delivered() const { return delivered_; }
  /// What was taken out of the project again, "" nothing.
  [[nodiscard]] const std::string& undone() const { return undone_; }
  [[nodiscard]] const std::string& undone_because() const { return undone_because_; }
  /// The remote that has the branch, and the address of its pull request; "" none.
  [[nodiscard]] const std::string& pushed() const { return pushed_; }
  [[nodiscard]] const std::string& pull_request() const { return pull_request_; }
  [[nodiscard]] bool interrupted() const { return interrupted_; }
  /// A person has answered, and nobody has gone on with the run since.
  [[nodiscard]] bool answered() const { return answered_; }
  [[nodiscard]] std::int64_t sequence() const { return sequence_; }
  /// On models, by all nodes.
  [[nodiscard]] const Spend& spent() const { return spent_; }
  /// Whether the request with this number in the ledger is in there.
  [[nodiscard]] bool has_charged(std::int64_t request) const { return charged_.contains(request); }
  [[nodiscard]] std::int64_t started_ms() const { return started_ms_; }
  [[nodiscard]] std::int64_t last_ms() const { return last_ms_; }

  /// How many merges, attempts and checks are under way; each takes one of the run's -j slots.
  [[nodiscard]] std::size_t busy() const { return busy_; }
  [[nodiscard]] std::size_t settled() const { return settled_; }
  /// Nodes of a pool that are between Open and Settled.
  [[nodiscard]] std::int64_t pool_use(const std::string& pool) const;

  struct Rank {
    std::int64_t priority = 0;
    std::size_t node = 0;
    /// Greater priority first, then file order.
    bool operator<(const Rank& other) const {
      return priority != other.priority ? priority > other.priority : node < other.node;
    }
  };
  /// Open nodes, the most urgent first.
  [[nodiscard]] const std::set<Rank>& open() const { return open_; }
  /// Nodes in Verifying, Prepared, Running, Checking, Backoff, Parked, Asking or Expanded, the most
  /// urgent first.
  [[nodiscard]] const std::set<Rank>& active() const { return active_; }
  /// Nodes whose needs are settled and that still need a decision: their own `if:` has to be looked
  /// at, or a need failed. All others became Open by themselves.
  [[nodiscard]] const std::set<Rank>& undecided() const { return undecided_; }

  /// All merges that had to be verified, in order.
  [[nodiscard]] const std::vector<FanIn>& fan_ins() const { return fan_ins_; }
  /// Places of those of which something is still to be looked at.
  [[nodiscard]] const std::set<std::size_t>& open_fan_ins() const { return open_fan_ins_; }
  /// Place of a merge of these sides to this tree.
  [[nodiscard]] std::optional<std::size_t> find_fan_in(const TreeRef& tree,
                                                       const std::vector<std::size_t>& sides) const;
  /// Place of the merge that is the result of the run, if it had to be verified.
  [[nodiscard]] std::optional<std::size_t> result_fan_in() const { return result_fan_in_; }

  /// Whose trees this node starts from: its passed needs, and in the place of needs that brought
  /// nothing (skipped, failed) what these would have started from. Empty: the run's input.
  [[nodiscard]] std::vector<std::size_t> sides(std::size_t node) const;
  /// The first task, if any, whose outputs this node reads and which is settled without any: it was
  /// skipped, or it failed and was allowed to. Where the node has an `if:` of its own, that decides
  /// alone.
  [[nodiscard]] std::optional<std::size_t> missing_outputs(std::size_t node) const;
  /// Which tasks the nodes' expressions name.
  [[nodiscard]] const NamedTasks& named_tasks() const { return named_tasks_; }
  /// What became of all instances of a task together: a failure counts, then a pass; no value: one
  /// of them is not settled.
  [[nodiscard]] std::optional<Outcome> outcome_of(const NamedTasks::Task& task) const;
  /// Of each output a list: what each of the instances gave, null where that is nothing.
  [[nodiscard]] dsl::Value::Record outputs_of(const dsl::PlanNode& task,
                                              const std::vector<std::size_t>& instances) const;
  /// What the work that a node's criteria judge began from: its input; for the gate of a phase, the
  /// input of the phase's tasks. REQUIRES: the node has its input.
  [[nodiscard]] TreeRef before(std::size_t node) const;
  /// Does a settled node stand in the way of those that need it? A failure that is not allowed
  /// does, and so does what was skipped for one: nothing downstream of a failure starts by itself.
  [[nodiscard]] bool blocks(std::size_t node) const;
  /// How much of its budgets of time this node has left `since_ms` after the last event; no value:
  /// none bounds it.
  [[nodiscard]] std::optional<WorkTime::Left> time_left(std::size_t node,
                                                        std::int64_t since_ms) const;
  /// How long a node, or the run, has taken: without the times in which no runner lived, whatever
  /// the wall clock did. What is not over goes on until `until_ms` (wall clock).
  [[nodiscard]] std::int64_t took_ms(std::size_t node, std::int64_t until_ms) const;
  [[nodiscard]] std::int64_t took_ms(std::int64_t until_ms) const;
  /// Whose trees stand for a settled plan node that has none of its own: its instances', or those
  /// that it would have started from.
  [[nodiscard]] const std::vector<std::size_t>& stands_for(std::size_t node) const {
    return pass_through_[node];
  }

 private:
  /// Plan nodes with an attempt or a check under way.
  [[nodiscard]] std::vector<std::size_t> at_work() const;

  friend struct Fold;      // says which fact moves which node, and
  friend class NodeMoves;  // moves it
  friend class FanInMoves;

  const dsl::Plan& plan_;
  const NamedTasks named_tasks_;
  std::vector<std::int64_t> expected_ms_;             // constant after construction
  std::vector<std::int64_t> priority_;                // constant after construction
  std::vector<std::vector<std::size_t>> dependants_;  // constant after construction

  std::vector<NodeState> nodes_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::vector<std::vector<std::size_t>> pass_through_;  // of settled nodes without a tree
  WorkTime work_time_;
  std::set<Rank> open_;
  std::set<Rank> active_;
  std::set<Rank> undecided_;
  std::vector<FanIn> fan_ins_;
  std::set<std::size_t> open_fan_ins_;
  std::optional<std::size_t> result_fan_in_;
  std::unordered_map<std::string, std::int64_t> pool_use_;
  std::size_t busy_ = 0;
  std::size_t settled_ = 0;

  dsl::RunId run_;
  std::string plan_digest_;
  std::string sealed_;
  std::vector<std::string> approved_by_;
  std::string taken_;
  TreeRef input_;
  TreeRef result_;
  std::string delivered_;
  std::string undone_;
  std::string undone_because_;
  std::string pushed_;
  std::string pull_request_;
  std::string reason_;
  std::optional<Outcome> outcome_;
  bool interrupted_ = false;
  bool answered_ = false;
  std::int64_t sequence_ = 0;
  Spend spent_;
  std::unordered_set<std::int64_t> charged_;
  std::int64_t started_ms_ = 0;
  std::int64_t last_ms_ = 0;
  std::int64_t lived_ms_ = 0;  // so long a runner has lived, at the last event
};

/// The run failed, and all that failed did for the sake of a budget, of models or of time.
bool ended_by_budget(const RunState& state);

}  // namespace runner
