#pragma once

// What to do next, as a pure function of the state: no clock, no I/O. The run loop carries the
// actions out, each by recording an event (law 5), and asks again until there are none.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runner/run/run_state.h"
#include "runner/run/scope.h"

namespace runner {

/// The node's `if:` holds.
struct Admit {
  std::size_t node = 0;
};
struct Skip {
  std::size_t node = 0;
  std::string reason;
};
struct Expand {
  std::size_t node = 0;
  dsl::Value::List items;
};
/// Merge the trees that the node starts from, and look whether an earlier result can be taken.
struct PrepareInput {
  std::size_t node = 0;
};
/// What was merged for the node has proved itself again: it is the node's input.
struct TakeMerged {
  std::size_t node = 0;
};
/// What the node merges does not go together; its command resolves that.
struct Resolve {
  std::size_t node = 0;
  std::string problem;
};
/// What its command has made of the merge has to prove itself as the merge has.
struct VerifyResolved {
  std::size_t node = 0;
};
/// Look at a criterion of a merged task, on the whole merge or on that of some nodes' trees.
struct StartFanInCheck {
  std::size_t fan_in = 0;     // place in RunState::fan_ins
  std::size_t criterion = 0;  // place in FanIn::criteria
  std::vector<std::size_t> on;
};
struct StartAttempt {
  std::size_t node = 0;
};
struct StartCheck {
  std::size_t node = 0;
  std::size_t criterion = 0;
  Subject subject = Subject::Produced;
};
struct AskPerson {
  std::size_t node = 0;
  std::int64_t criterion = -1;
  std::string question;
};
struct Retry {
  std::size_t node = 0;
  std::int64_t not_before_ms = 0;
  std::string reason;
};
/// Its model's provider takes nothing more before then.
struct Park {
  std::size_t node = 0;
  std::int64_t until_ms = 0;
  std::string reason;
};
struct Finish {
  std::size_t node = 0;
  Outcome outcome = Outcome::Failed;
  std::string reason;
  TreeRef tree;
  bool out_of_time = false;
};

using Action = std::variant<Admit,
                            Skip,
                            Expand,
                            PrepareInput,
                            TakeMerged,
                            Resolve,
                            VerifyResolved,
                            StartFanInCheck,
                            StartAttempt,
                            StartCheck,
                            AskPerson,
                            Retry,
                            Park,
                            Finish>;

struct SchedulerLimits {
  std::size_t slots = 1;      // how many merges, attempts and checks at once
  std::int64_t now_ms = 0;    // wall clock
  std::int64_t since_ms = 0;  // monotonic, since the last event
  bool stopping = false;      // nothing that takes a slot is started any more
  HashFiles hash_files;       // of the run's input tree, for `if:` and `for_each:`
};

struct NextActions {
  std::vector<Action> actions;  // at most one of a node or a merged criterion, all valid together
  /// When a retry or a parked node is due, if nothing else happens before.
  std::optional<std::int64_t> wake_at_ms;
};

NextActions next_actions(const RunState& state, const SchedulerLimits& limits);

/// Where a run stands when there is nothing to do and nothing under way.
enum class Standstill {
  Done,     // every node is settled
  Waiting,  // for a person
  Backoff,  // for a time: a retry's, or a parked node's
  Stuck,    // a bug
};
Standstill standstill(const RunState& state);

/// The run's outcome from its nodes'. REQUIRES: standstill() is Done.
Outcome outcome_of(const RunState& state);

/// Whose merged trees are the result of the run: all nodes that nobody needs, with what stands for
/// those that brought nothing.
std::vector<std::size_t> result_sides(const RunState& state);

/// For each plan node the length in milliseconds of the longest path from its start to the end of
/// the plan. `expected_ms` has a figure per plan node; where it is 0 a node counts as one second.
std::vector<std::int64_t> remaining_path(const dsl::Plan& plan,
                                         const std::vector<std::int64_t>& expected_ms);

}  // namespace runner
