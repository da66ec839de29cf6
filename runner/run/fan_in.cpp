#include "runner/run/fan_in.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "runner/run/run_state.h"

namespace runner {

namespace {

std::string key_of(const TreeRef& tree) {
  return tree.commit + " " + tree.artifacts;
}

/// The way back from some nodes to all trees and nodes that led to them.
class Ways {
 public:
  explicit Ways(const RunState& state) : state_(state), sides_(state.nodes().size()) {}

  /// Adds what led to the node, and itself.
  void add(std::size_t from, std::unordered_set<std::string>& trees) {
    std::vector<std::size_t> ahead{from};
    std::unordered_set<std::size_t> seen{from};
    while (!ahead.empty()) {
      const std::size_t node = ahead.back();
      ahead.pop_back();
      nodes_.insert(node);
      trees.insert(key_of(state_.nodes()[node].tree));
      trees.insert(key_of(state_.nodes()[node].input));
      for (const std::size_t side : sides_of(node)) {
        if (seen.insert(side).second) {
          ahead.push_back(side);
        }
      }
    }
  }

  /// In the order of the plan, instances in their own.
  [[nodiscard]] std::vector<std::size_t> nodes() const {
    std::vector<std::size_t> all(nodes_.begin(), nodes_.end());
    std::sort(all.begin(), all.end(), [&](std::size_t a, std::size_t b) {
      return std::pair(state_.nodes()[a].plan_node, a) < std::pair(state_.nodes()[b].plan_node, b);
    });
    return all;
  }

 private:
  const std::vector<std::size_t>& sides_of(std::size_t node) {
    std::optional<std::vector<std::size_t>>& known = sides_[node];
    if (!known) {
      known = state_.sides(node);
    }
    return *known;
  }

  const RunState& state_;
  std::vector<std::optional<std::vector<std::size_t>>> sides_;
  std::unordered_set<std::size_t> nodes_;
};

using Counts = std::unordered_map<std::string, std::size_t>;

/// How many of the pasts have a tree.
Counts count(const std::vector<std::unordered_set<std::string>>& pasts) {
  Counts counts;
  for (const std::unordered_set<std::string>& past : pasts) {
    for (const std::string& tree : past) {
      ++counts[tree];
    }
  }
  return counts;
}

const FanInTrial* trial_on(const FanInCriterion& criterion, const std::vector<std::size_t>& on) {
  const auto found = std::find_if(criterion.trials.begin(),
                                  criterion.trials.end(),
                                  [&](const FanInTrial& one) { return one.on == on; });
  return found == criterion.trials.end() ? nullptr : &*found;
}

/// Narrows a criterion that is not met on the merge.
class Narrowing {
 public:
  Narrowing(const RunState& state, const FanIn& fan_in, const FanInCriterion& criterion)
      : state_(state),
        fan_in_(fan_in),
        criterion_(criterion),
        branches_(branches_of(state, fan_in.sides)) {}

  FanInFinding find() const {
    const std::vector<std::size_t> own = own_tips();
    // What a branch has put aside by itself is not the merge's doing.
    for (const std::size_t tip : own) {
      const std::size_t node = branches_.tips[tip];
      if (state_.nodes()[node].tree == state_.nodes()[criterion_.task].tree) {
        continue;  // verified there
      }
      const FanInTrial* trial = trial_on(criterion_, {node});
      if (trial == nullptr || !trial->verdict) {
        return open(trial, {node});
      }
      if (*trial->verdict == Verdict::NotMet) {
        return {FanInStanding::Superseded, {}, {}, false};
      }
      if (*trial->verdict == Verdict::Unverified) {
        return {FanInStanding::Broken, {}, {}, trial->evidence.lost};
      }
    }
    if (fan_in_.resolved || own.empty()) {
      return {FanInStanding::Broken, {}, {}, false};
    }
    return find_culprit(own.front());
  }

 private:
  [[nodiscard]] std::vector<std::size_t> own_tips() const {
    std::vector<std::size_t> own;
    for (std::size_t tip = 0; tip < branches_.tips.size(); ++tip) {
      if (branches_.has(tip, criterion_.task, state_)) {
        own.push_back(tip);
      }
    }
    return own;
  }

  /// Those who changed something that is not in the branch already.
  [[nodiscard]] std::vector<std::size_t> suspects(std::size_t own_tip) const {
    std::vector<std::size_t> found;
    for (const std::size_t node : branches_.parted) {
      const NodeState& one = state_.nodes()[node];
      if (one.tree != one.input && !branches_.has(own_tip, node, state_)) {
        found.push_back(node);
      }
    }
    return found;
  }

  [[nodiscard]] FanInFinding find_culprit(std::size_t own_tip) const {
    const std::vector<std::size_t> all = suspects(own_tip);
    if (all.size() == 1) {
      return {FanInStanding::Broken, {}, all.front(), false};
    }
    for (const std::size_t suspect : all) {
      const std::vector<std::size_t> pair{branches_.tips[own_tip], suspect};
      const FanInTrial* trial = trial_on(criterion_, pair);
      if (trial == nullptr || !trial->verdict) {
        return open(trial, pair);
      }
      if (*trial->verdict == Verdict::NotMet) {
        return {FanInStanding::Broken, {}, suspect, false};
      }
    }
    return {FanInStanding::Broken, {}, {}, false};
  }

  static FanInFinding open(const FanInTrial* trial, std::vector<std::size_t> on) {
    const bool running = trial != nullptr && trial->running;
    return {FanInStanding::Open, running ? std::nullopt : std::optional(std::move(on)), {}, false};
  }

  const RunState& state_;
  const FanIn& fan_in_;
  const FanInCriterion& criterion_;
  const Branches branches_;
};

std::string text_of(const RunState& state,
                    const FanIn& fan_in,
                    const FanInCriterion& one,
                    const FanInFinding& finding) {
  const FanInTrial& proof = *proof_of(one);
  const std::string what = fmt::format("'{}' of '{}'",
                                       state.plan_node(one.task).criteria[one.criterion].text,
                                       state.nodes()[one.task].id.value);
  const bool doubtful =
      std::any_of(one.trials.begin(), one.trials.end(), [](const FanInTrial& trial) {
        return trial.verdict == Verdict::Unverified;
      });
  if (finding.culprit) {
    return fmt::format("{} is met without the work of '{}', and is not once both are merged: {}",
                       what,
                       state.nodes()[*finding.culprit].id.value,
                       proof.evidence.result);
  }
  const std::string merge = fan_in.resolved ? "the resolved merge" : "the merge";
  return fmt::format("{} {} on {} of {}: {}",
                     what,
                     doubtful ? "could not be verified" : "is not met",
                     merge,
                     names_of(state, fan_in.sides),
                     proof.evidence.result);
}

}  // namespace

bool Branches::has(std::size_t tip, std::size_t node, const RunState& state) const {
  return pasts[tip].contains(key_of(state.nodes()[node].tree));
}

Branches branches_of(const RunState& state, const std::vector<std::size_t>& sides) {
  Branches found;
  Ways ways(state);
  std::map<std::string, std::size_t> by_tree;  // sides with equal trees are one
  for (const std::size_t side : sides) {
    const auto [known, is_new] =
        by_tree.emplace(key_of(state.nodes()[side].tree), found.tips.size());
    if (is_new) {
      found.tips.push_back(side);
      found.pasts.emplace_back();
    }
    ways.add(side, found.pasts[known->second]);
  }
  const Counts among_all = count(found.pasts);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < found.tips.size(); ++i) {
    if (among_all.at(key_of(state.nodes()[found.tips[i]].tree)) == 1) {
      std::swap(found.tips[kept], found.tips[i]);
      std::swap(found.pasts[kept], found.pasts[i]);
      ++kept;
    }
  }
  found.tips.resize(kept);
  found.pasts.resize(kept);
  if (kept < 2) {
    return found;
  }
  const Counts among_tips = count(found.pasts);
  for (const std::size_t node : ways.nodes()) {
    const auto has = among_tips.find(key_of(state.nodes()[node].tree));
    if (has != among_tips.end() && has->second < kept) {
      found.parted.push_back(node);
    }
  }
  return found;
}

FanInFinding look_at(const RunState& state, const FanIn& fan_in, const FanInCriterion& criterion) {
  if (criterion.trials.empty()) {
    return {FanInStanding::Open, std::vector<std::size_t>{}, {}, false};
  }
  const FanInTrial& whole = criterion.trials.front();
  if (!whole.verdict) {
    return {FanInStanding::Open,
            whole.running ? std::nullopt : std::optional(std::vector<std::size_t>{}),
            {},
            false};
  }
  switch (*whole.verdict) {
    case Verdict::Met:
      return {FanInStanding::Met, {}, {}, false};
    case Verdict::Unverified:
      return {FanInStanding::Broken, {}, {}, whole.evidence.lost};
    case Verdict::NotMet:
      break;
  }
  return Narrowing(state, fan_in, criterion).find();
}

const FanInTrial* proof_of(const FanInCriterion& criterion) {
  return criterion.trials.empty() ? nullptr : &criterion.trials.front();
}

std::string names_of(const RunState& state, const std::vector<std::size_t>& places) {
  constexpr std::size_t kMost = 6;
  std::vector<std::string> quoted;
  for (std::size_t i = 0; i < places.size() && i < kMost; ++i) {
    quoted.push_back("'" + state.nodes()[places[i]].id.value + "'");
  }
  if (places.size() > kMost) {
    quoted.push_back(fmt::format("{} more", places.size() - kMost));
  }
  const std::string last = quoted.back();
  quoted.pop_back();
  return quoted.empty() ? last : fmt::format("{} and {}", fmt::join(quoted, ", "), last);
}

bool is_settled(const RunState& state, const FanIn& fan_in) {
  return std::all_of(
      fan_in.criteria.begin(), fan_in.criteria.end(), [&](const FanInCriterion& one) {
        return look_at(state, fan_in, one).standing != FanInStanding::Open;
      });
}

bool is_lost(const RunState& state, const FanIn& fan_in) {
  bool lost = false;
  for (const FanInCriterion& one : fan_in.criteria) {
    const FanInFinding finding = look_at(state, fan_in, one);
    if (finding.standing == FanInStanding::Broken && !finding.lost) {
      return false;
    }
    lost = lost || finding.lost;
  }
  return lost;
}

std::string broken_text(const RunState& state, const FanIn& fan_in) {
  constexpr std::size_t kShown = 5;
  std::string text;
  std::size_t count = 0;
  for (const FanInCriterion& one : fan_in.criteria) {
    const FanInFinding finding = look_at(state, fan_in, one);
    if (finding.standing != FanInStanding::Broken) {
      continue;
    }
    if (++count <= kShown) {
      text += (text.empty() ? "" : "; ") + text_of(state, fan_in, one, finding);
    }
  }
  return count > kShown ? text + fmt::format("; and {} more criteria", count - kShown) : text;
}

}  // namespace runner
