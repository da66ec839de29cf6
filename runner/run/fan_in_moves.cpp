#include "runner/run/fan_in_moves.h"

#include <algorithm>
#include <utility>

#include "dsl/meetings.h"

namespace runner {

using dsl::Error;
using dsl::Ok;
using dsl::Result;
using dsl::Status;

namespace {

FanInTrial* trial_on(FanInCriterion& criterion, const std::vector<std::size_t>& on) {
  const auto found = std::find_if(criterion.trials.begin(),
                                  criterion.trials.end(),
                                  [&](const FanInTrial& one) { return one.on == on; });
  return found == criterion.trials.end() ? nullptr : &*found;
}

}  // namespace

Result<std::vector<std::size_t>> FanInMoves::places(const std::vector<dsl::NodeId>& ids) const {
  std::vector<std::size_t> places;
  for (const dsl::NodeId& id : ids) {
    const auto found = s_.find(id);
    if (!found || s_.nodes_[*found].outcome != Outcome::Passed) {
      return Error{"no work of '" + id.value + "' to merge", ""};
    }
    places.push_back(*found);
  }
  return places;
}

Result<std::size_t> FanInMoves::open(const FanInOpened& e) {
  Result<std::vector<std::size_t>> sides = places(e.sides);
  const Result<std::vector<std::size_t>> tasks = places(e.tasks);
  if (!sides || !tasks) {
    return !sides ? sides.error() : tasks.error();
  }
  std::sort(sides->begin(), sides->end());
  const auto number = static_cast<std::size_t>(e.fan_in);
  if (const auto known = s_.find_fan_in(e.tree, *sides)) {
    if (number != *known + 1) {
      return Error{"a merge twice", ""};
    }
    open_if_unsettled(*known);  // nobody may have waited for it any more
    return *known;
  }
  if (number != s_.fan_ins_.size() + 1) {
    return Error{"merge " + std::to_string(e.fan_in) + " out of turn", ""};
  }
  FanIn fan_in;
  fan_in.tree = e.tree;
  fan_in.sides = *std::move(sides);
  fan_in.resolved = e.resolved;
  for (const std::size_t task : *tasks) {
    const auto& criteria = s_.plan_node(task).criteria;
    for (std::size_t i = 0; i < criteria.size(); ++i) {
      if (dsl::is_of_a_tree(criteria[i])) {
        fan_in.criteria.push_back({task, i, {}});
      }
    }
  }
  s_.fan_ins_.push_back(std::move(fan_in));
  open_if_unsettled(number - 1);
  return number - 1;
}

void FanInMoves::open_if_unsettled(std::size_t place) {
  if (!is_settled(s_, s_.fan_ins_[place])) {
    s_.open_fan_ins_.insert(place);
  }
}

template <class E>
Result<FanInCriterion*> FanInMoves::criterion_of(const E& e) {
  const auto number = static_cast<std::size_t>(e.fan_in);
  const auto task = s_.find(e.node);
  if (number == 0 || number > s_.fan_ins_.size() || !task) {
    return Error{"no merge " + std::to_string(e.fan_in) + " with '" + e.node.value + "'", ""};
  }
  for (FanInCriterion& one : s_.fan_ins_[number - 1].criteria) {
    if (one.task == *task && one.criterion == static_cast<std::size_t>(e.criterion)) {
      return &one;
    }
  }
  return Error{"'" + e.node.value + "' has no such criterion on a merge", ""};
}

Status FanInMoves::begin(const FanInCheckStarted& e) {
  const Result<FanInCriterion*> criterion = criterion_of(e);
  Result<std::vector<std::size_t>> on = places(e.on);
  if (!criterion || !on) {
    return !criterion ? criterion.error() : on.error();
  }
  FanInTrial* trial = trial_on(**criterion, *on);
  if (trial == nullptr) {
    (*criterion)->trials.push_back({*std::move(on), false, {}, {}, {}});
    trial = &(*criterion)->trials.back();
  }
  if (trial->running || trial->verdict) {
    return Error{"a criterion is checked twice on a merge", ""};
  }
  trial->running = true;
  ++s_.busy_;
  return Ok{};
}

Status FanInMoves::end(const FanInCheckEnded& e) {
  const Result<FanInCriterion*> criterion = criterion_of(e);
  const Result<std::vector<std::size_t>> on = places(e.on);
  if (!criterion || !on) {
    return !criterion ? criterion.error() : on.error();
  }
  FanInTrial* trial = trial_on(**criterion, *on);
  if (trial == nullptr || !trial->running) {
    return Error{"a check on a merge ended that never began", ""};
  }
  trial->running = false;
  trial->verdict = e.verdict;
  trial->evidence = e.evidence;
  trial->from_run = e.from_run;
  --s_.busy_;
  const auto place = static_cast<std::size_t>(e.fan_in) - 1;
  if (is_settled(s_, s_.fan_ins_[place])) {
    s_.open_fan_ins_.erase(place);
  }
  return Ok{};
}

void FanInMoves::forget_what_was_under_way() {
  for (std::size_t place = 0; place < s_.fan_ins_.size(); ++place) {
    const bool again = is_lost(s_, s_.fan_ins_[place]);
    for (FanInCriterion& criterion : s_.fan_ins_[place].criteria) {
      for (FanInTrial& trial : criterion.trials) {
        trial.running = false;
        if (again && trial.verdict == Verdict::Unverified && trial.evidence.lost) {
          trial.verdict.reset();  // its place stays: jobs are named by it
          trial.evidence = {};
        }
      }
    }
    open_if_unsettled(place);
  }
}

void FanInMoves::drop_unwanted() {
  std::vector<bool> wanted(s_.fan_ins_.size(), false);
  for (const NodeState& node : s_.nodes_) {
    if (node.stage == Stage::Settled) {
      continue;
    }
    for (const auto& place : {node.fan_in, node.resolved}) {
      if (place) {
        wanted[*place] = true;
      }
    }
  }
  if (s_.result_fan_in_) {
    wanted[*s_.result_fan_in_] = true;
  }
  for (std::size_t i = 0; i < s_.fan_ins_.size(); ++i) {
    FanIn& fan_in = s_.fan_ins_[i];
    const auto is_gone = [&](std::size_t node) {
      return s_.nodes_[node].outcome != Outcome::Passed;
    };
    fan_in.stale = fan_in.stale || std::any_of(fan_in.sides.begin(), fan_in.sides.end(), is_gone) ||
                   std::any_of(fan_in.criteria.begin(),
                               fan_in.criteria.end(),
                               [&](const FanInCriterion& one) { return is_gone(one.task); });
    if (fan_in.stale && s_.result_fan_in_ == i) {
      s_.result_fan_in_.reset();
    }
    if (fan_in.stale || !wanted[i]) {
      s_.open_fan_ins_.erase(i);
    }
  }
}

}  // namespace runner
