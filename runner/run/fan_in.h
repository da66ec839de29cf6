#pragma once

// Where the work of parallel tasks meets: what each of them proved alone has to hold on the merged
// tree too, before anything starts from it. Which tasks that are, what is looked at where a
// criterion does not hold (down to the pair of tasks that do not go together), and what came of it.
// Pure; any thread.

#include <cstddef>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "runner/run/event.h"

namespace runner {

class RunState;

/// One look at a criterion of a merged task.
struct FanInTrial {
  /// Places of the nodes on whose trees, merged, it was looked at; empty: on the whole merge.
  std::vector<std::size_t> on;
  bool running = false;
  std::optional<Verdict> verdict;
  Evidence evidence;
  dsl::RunId from_run;  // whose evidence it is, where it was taken from the cache; "" this run's
};

struct FanInCriterion {
  std::size_t task = 0;  // place of the node whose criterion it is
  std::size_t criterion = 0;
  std::vector<FanInTrial> trials;  // the first on the whole merge
};

/// A merge of trees whose work never was in one tree before.
struct FanIn {
  TreeRef tree;
  std::vector<std::size_t> sides;  // places, sorted
  std::vector<FanInCriterion> criteria;
  /// The work of a task that has resolved a merge: what does not hold is that task's own fault.
  bool resolved = false;
  /// Some of its work was done again since: what was seen says nothing of other merges.
  bool stale = false;
};

/// What meets where trees are merged.
struct Branches {
  /// Places of the sides that bring something: no tree is in another's past, none stands twice.
  std::vector<std::size_t> tips;
  std::vector<std::unordered_set<std::string>> pasts;  // of each tip: all trees that led to it
  /// Passed nodes whose tree is in the past of some tips, but not of all, in the plan's order: what
  /// they proved, they proved without the rest. Empty where fewer than two tips are left.
  std::vector<std::size_t> parted;

  /// Is the node's tree part of what led to the tip?
  [[nodiscard]] bool has(std::size_t tip, std::size_t node, const RunState& state) const;
};

/// REQUIRES: `sides` are places of passed nodes.
Branches branches_of(const RunState& state, const std::vector<std::size_t>& sides);

/// How a criterion stands on the merge.
enum class FanInStanding {
  Open,  // something is still to be looked at
  Met,
  Superseded,  // a later task of its own branch means it not to hold any more, merge or no merge
  Broken,
};

struct FanInFinding {
  FanInStanding standing = FanInStanding::Open;
  /// Open: on what it is to be looked at next; absent while that is under way.
  std::optional<std::vector<std::size_t>> next;
  /// Broken: the task whose work it does not go together with; absent: it could not be verified at
  /// all, or no single task is to blame.
  std::optional<std::size_t> culprit;
  /// Broken, and it is the world that kept it from being verified.
  bool lost = false;
};

/// REQUIRES: `criterion` is of `fan_in`, which is the state's.
FanInFinding look_at(const RunState& state, const FanIn& fan_in, const FanInCriterion& criterion);

/// The look at it that says most: on the whole merge. Null where there was none yet.
const FanInTrial* proof_of(const FanInCriterion& criterion);

/// "'a', 'b' and 'c'", for people.
std::string names_of(const RunState& state, const std::vector<std::size_t>& places);

/// Nothing is left to be looked at.
bool is_settled(const RunState& state, const FanIn& fan_in);

/// Something does not hold, and all that does not is what the world kept from being verified: it is
/// looked at again once the run is resumed.
bool is_lost(const RunState& state, const FanIn& fan_in);

/// What does not hold on the merge, for people; "" where all does. REQUIRES: it is settled.
std::string broken_text(const RunState& state, const FanIn& fan_in);

}  // namespace runner
