#pragma once

// What happens in a run, as facts. The journal keeps them in order, RunState folds them, observers
// show them; nothing else is the truth about a run. event_json.h writes and reads them; an event
// kind is never removed or given another meaning, new members get a value for old journals.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/ids.h"
#include "dsl/value.h"
#include "runner/run/agent.h"
#include "runner/run/egress.h"
#include "runner/run/job.h"
#include "runner/run/meter.h"
#include "runner/run/trees.h"

namespace runner {

/// How a node or a run came out. `Errored` is the world's fault (no daemon, no space), `Failed`
/// the pipeline's own.
enum class Outcome { Passed, Failed, Errored, Skipped };

/// What a check said. `Unverified`: it could not be run, or proves nothing; never taken as met.
enum class Verdict { Met, NotMet, Unverified };

/// What supports a verdict; kept with the run.
struct Evidence {
  std::string what;      // the command, request, path or comparison
  std::string result;    // "exit 1", "403", "no such file", …
  std::string excerpt;   // the last lines of output, at most 4 KiB, valid UTF-8
  std::string digest;    // sha256 of the whole output, "" where there is none
  std::string log;       // file beneath the run's folder, "" where there is none
  bool was_red = false;  // red_first was asked for, and it failed on the input tree
  bool lost = false;     // the world kept it from being checked: no space, no engine
  dsl::Duration took{0};
  bool operator==(const Evidence&) const = default;
};

/// On which tree a criterion was checked.
enum class Subject { Input, Produced };

struct RunStarted {
  dsl::RunId run;
  std::string pipeline;
  std::string plan_digest;  // sha256 of the plan's JSON
  TreeRef input;
  std::string taken;  // for people: what the input is ("HEAD 1f3a… on main")
  std::int64_t jobs = 1;
  std::string sealed = {};                    // digest of the sealed plan that it runs; "" none
  std::vector<std::string> approved_by = {};  // whose word for that plan counted
};

/// The runner started again after it was stopped or died, or after the world kept nodes from
/// running (Outcome::Errored): what was under way and what was lost is forgotten and done again.
struct RunResumed {};

/// A `for_each` node became instances "id[0]", "id[1]", …; no items is allowed.
struct NodeExpanded {
  dsl::NodeId node;
  dsl::Value::List items;
};

/// The node's own `if:` was looked at and holds. (Without an `if:` nothing is told.)
struct ConditionHeld {
  dsl::NodeId node;
};

struct NodeSkipped {
  dsl::NodeId node;
  std::string reason;
};

/// The trees of the needs are being merged.
struct InputRequested {
  dsl::NodeId node;
};

/// The trees of `sides` were merged to one that nobody has seen before: the criteria of `tasks`
/// have to hold on it before anything goes on from there. A second node that waits for the same
/// merge joins the first, by its number.
struct FanInOpened {
  std::int64_t fan_in = 1;  // 1, 2, … within a run
  dsl::NodeId node;         // that is to start from it; "" the run's result
  TreeRef tree;
  std::vector<dsl::NodeId> sides;
  std::vector<dsl::NodeId> tasks;
  bool resolved = false;  // `tree` is what `node` has made of their merge, and not its input
};

/// What the node merges does not go together, in files or because something does not hold: its
/// command is to resolve that, and begins from its input.
struct MergeUnresolved {
  dsl::NodeId node;
  std::string problem;              // for people, and for the command
  std::vector<std::string> marked;  // files of the input with marks of a conflict in them
};

/// A criterion of a merged task is looked at again: on the whole merge, or to find out what it does
/// not go together with, on the merge of the trees of `on`.
struct FanInCheckStarted {
  std::int64_t fan_in = 1;
  dsl::NodeId node;  // whose criterion it is
  std::int64_t criterion = 0;
  std::vector<dsl::NodeId> on;  // empty: the whole merge
  JobName job;
};

struct FanInCheckEnded {
  std::int64_t fan_in = 1;
  dsl::NodeId node;
  std::int64_t criterion = 0;
  std::vector<dsl::NodeId> on;
  Verdict verdict = Verdict::NotMet;
  Evidence evidence;
  dsl::RunId from_run;  // which run verified exactly this before; "" it was checked now
};

/// The node's input is known; `key` is its place in the result cache ("" is never reused), `reuse`
/// says for people why an earlier result is or is not taken.
struct InputReady {
  dsl::NodeId node;
  TreeRef input;
  std::string key;
  std::string reuse;
};

/// An earlier verified result of the same key stands for this node.
struct NodeReused {
  dsl::NodeId node;
  dsl::RunId from_run;
  TreeRef tree;
  dsl::Value::Record outputs;
  std::vector<Evidence> evidence;  // by criterion
  std::vector<FlaggedPath> flagged;
};

struct AttemptStarted {
  dsl::NodeId node;
  std::int64_t attempt = 1;  // counts every start, also those that a crash cut short
  JobName job;
  TreeRef input;  // the node's input, or with feedback the tree that the last attempt left
};

/// The command ended and what it left was read. `outputs` holds what could be read and typed;
/// `problem` says why the attempt failed although the command did not ("" otherwise).
struct AttemptEnded {
  dsl::NodeId node;
  std::int64_t attempt = 1;
  JobEnd end;
  TreeRef produced;
  std::int64_t changed_paths = 0;
  dsl::Value::Record outputs;
  std::vector<std::string> notes;  // files that were not taken, and why
  std::string problem;
  std::string excerpt;  // the last lines of a command that failed
  std::string log;
  std::optional<AgentOutcome> agent;  // where the command was an agent's
  std::vector<FlaggedPath> flagged;   // of all changes since the node's input

  /// What it left goes to the criteria. An agent that said that it is through has done its work
  /// even where its process then had to be stopped.
  [[nodiscard]] bool is_through() const {
    const bool went_well = agent ? agent->reason == dsl::AgentReason::Done : end.succeeded();
    return went_well && problem.empty();
  }
};

struct CheckStarted {
  dsl::NodeId node;
  std::int64_t attempt = 1;  // 0 for Subject::Input
  std::int64_t criterion = 0;
  Subject subject = Subject::Produced;
  JobName job;
};

struct CheckEnded {
  dsl::NodeId node;
  std::int64_t attempt = 1;
  std::int64_t criterion = 0;
  Subject subject = Subject::Produced;
  Verdict verdict = Verdict::NotMet;
  Evidence evidence;
};

/// The attempt failed, another follows, not before `not_before_ms` (wall clock).
struct RetryScheduled {
  dsl::NodeId node;
  std::int64_t after_attempt = 1;
  std::int64_t not_before_ms = 0;
  std::string reason;
};

/// The provider of the node's model takes nothing more before a time: the attempt was broken off,
/// which is no failure. It goes on from what it left, not before `until_ms` (wall clock).
struct NodeParked {
  dsl::NodeId node;
  std::int64_t after_attempt = 1;
  std::int64_t until_ms = 0;
  std::string reason;
};

/// Nothing goes on for this node before a person said yes or no: an approval (criterion -1) or a
/// `manual` criterion.
struct PersonAsked {
  dsl::NodeId node;
  std::int64_t criterion = -1;
  std::string question;
};

/// `again` is not empty: the work is not refused for good; these nodes do it again and are told
/// `because`, and so does all that came of their work, with this question.
struct PersonAnswered {
  dsl::NodeId node;
  std::int64_t criterion = -1;
  bool yes = false;
  std::string by;
  std::string because;
  std::string account = {};  // the user of the machine who wrote it down
  std::vector<dsl::NodeId> again = {};
};

/// The node is settled. Passed only follows when every criterion was met (law 3).
struct NodeFinished {
  dsl::NodeId node;
  Outcome outcome = Outcome::Failed;
  std::string reason;        // "" when passed
  TreeRef tree;              // when passed: what is visible downstream
  bool out_of_time = false;  // a budget of time is used up
};

/// Somebody asked the run to stop; what was under way has ended and will be done again.
struct RunInterrupted {
  std::string by;  // "SIGINT", "SIGTERM", "pipe stop"
};

/// All nodes are settled. `result` is the tree of the whole run when it passed.
struct RunFinished {
  Outcome outcome = Outcome::Failed;
  TreeRef result;
  std::string reason;  // what failed beyond the nodes: the results do not merge
};

/// The result reached the user's project.
struct ResultDelivered {
  std::string where;  // "branch pipe/build/calm-otter-3f2a", "folder .", "nothing changed"
};

/// The node wanted to run what its `permissions` deny, and was not let. It says so itself.
struct PermissionDenied {
  dsl::NodeId node;
  std::string operation;  // a program and its arguments; the end may be missing
  std::string rule;       // that denies it; "" where the rules allow the program something else
  bool operator==(const PermissionDenied&) const = default;
};

/// The branch is about to be pushed, with the user's own git.
struct PushStarted {
  std::string remote;
  std::string branch;
  std::string hook;  // of the user's repository, which git runs first; "" none
};

/// `problem` "": the remote has the branch.
struct PushEnded {
  std::string remote;
  std::string problem;
};

/// A pull request for the branch is about to be opened, with the user's own gh.
struct PullRequestStarted {
  std::string branch;
};

/// `problem` "": it is there.
struct PullRequestEnded {
  std::string url;
  std::string problem;
};

/// What the run had brought was taken out of the project again, on somebody's word.
struct ResultUndone {
  std::string what;     // as ResultDelivered::where
  std::string because;  // in that somebody's words; "" none were given
};

/// EgressDenied (egress.h), ModelAnswered and BudgetReached (meter.h) are events as they stand.

struct Event {
  std::int64_t sequence = 0;  // 1, 2, … within a run; given by the run loop
  std::int64_t at_ms = 0;     // wall clock
  std::variant<RunStarted,
               RunResumed,
               NodeExpanded,
               ConditionHeld,
               NodeSkipped,
               InputRequested,
               InputReady,
               NodeReused,
               AttemptStarted,
               AttemptEnded,
               CheckStarted,
               CheckEnded,
               RetryScheduled,
               PersonAsked,
               PersonAnswered,
               NodeFinished,
               RunInterrupted,
               RunFinished,
               ResultDelivered,
               EgressDenied,
               PermissionDenied,
               ModelAnswered,
               BudgetReached,
               FanInOpened,
               FanInCheckStarted,
               FanInCheckEnded,
               NodeParked,
               PushStarted,
               PushEnded,
               PullRequestStarted,
               PullRequestEnded,
               ResultUndone,
               MergeUnresolved>
      what;
  /// Milliseconds since the event before it, of a clock that only grows and stands still while the
  /// machine sleeps: what durations and budgets go by. 0: the first that its writer wrote; -1: an
  /// older pipe wrote it.
  std::int64_t after_ms = -1;
};

}  // namespace runner
