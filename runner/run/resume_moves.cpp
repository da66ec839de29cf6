#include <algorithm>
#include <utility>

#include "runner/run/node_moves.h"

// What a resumed run does again, and what it does not.

namespace runner {

using dsl::NodeIndex;

void NodeMoves::forget_what_was_under_way() {
  for (std::size_t i = 0; i < s_.nodes_.size(); ++i) {
    forget(s_.nodes_[i], i);
  }
  s_.busy_ = 0;
}

void NodeMoves::forget(NodeState& node, std::size_t i) {
  for (CriterionState& criterion : node.criteria) {
    criterion.running = false;
    criterion.red_running = false;
  }
  if (node.stage == Stage::Merging) {
    enter_pool(i, -1);
    open(i);
  } else if (node.stage == Stage::Running) {
    node.stage = Stage::Prepared;
  }
}

void NodeMoves::do_again_what_was_lost() {
  std::vector<std::size_t> lost;
  std::vector<bool> is_lost(s_.nodes_.size(), false);
  const auto lose = [&](std::size_t i) {
    if (!is_lost[i] && s_.nodes_[i].stage == Stage::Settled) {
      is_lost[i] = true;
      lost.push_back(i);
    }
  };
  for (std::size_t i = 0; i < s_.nodes_.size(); ++i) {
    if (s_.nodes_[i].outcome == Outcome::Errored) {
      lose(i);
    }
  }
  for (std::size_t k = 0; k < lost.size(); ++k) {
    const std::size_t i = lost[k];
    if (s_.nodes_[i].group) {
      lose(*s_.nodes_[i].group);
    }
    for (const std::size_t dependant : s_.dependants_[i]) {
      if (s_.nodes_[dependant].failed_above) {
        lose(dependant);
      }
    }
  }
  for (const std::size_t i : lost) {
    withdraw(i);
    begin_anew(i);
  }
  for (const std::size_t i : lost) {
    wait_again(i);
  }
}

void NodeMoves::do_again(const std::vector<std::size_t>& nodes, const SentBack& word) {
  std::vector<std::size_t> all;
  std::vector<bool> is_among(s_.nodes_.size(), false);
  const auto add = [&](std::size_t i) {
    if (!is_among[i]) {
      is_among[i] = true;
      all.push_back(i);
    }
  };
  for (const std::size_t i : nodes) {
    const auto& instances = s_.nodes_[i].instances;
    for (const std::size_t one : instances.empty() ? std::vector{i} : instances) {
      s_.nodes_[one].sent_back = word;
      add(one);
    }
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (s_.nodes_[all[k]].group) {
      add(*s_.nodes_[all[k]].group);
    }
    for (const std::size_t dependant : s_.dependants_[all[k]]) {
      add(dependant);
    }
  }
  for (const std::size_t i : all) {
    const auto& needs = s_.needs(i);
    const bool other_items =
        std::any_of(needs.begin(), needs.end(), [&](NodeIndex need) { return is_among[need]; });
    if (other_items && !s_.nodes_[i].group) {
      retire_instances(i);
    }
  }
  for (const std::size_t i : all) {
    if (s_.nodes_[i].group && s_.nodes_[*s_.nodes_[i].group].instances.empty()) {
      continue;  // retired
    }
    withdraw(i);
    begin_anew(i);
  }
  for (const std::size_t i : all) {
    if (s_.nodes_[i].stage != Stage::Settled) {
      wait_again(i);
    }
  }
}

void NodeMoves::withdraw(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  s_.active_.erase(rank(i));
  s_.open_.erase(rank(i));
  s_.undecided_.erase(rank(i));
  switch (node.stage) {
    case Stage::Settled:
      --s_.settled_;
      break;
    case Stage::Waiting:
    case Stage::Open:
    case Stage::Expanded:
    case Stage::Parked:
      break;
    case Stage::Merging:
    case Stage::Running:
      --s_.busy_;
      enter_pool(i, -1);
      break;
    case Stage::Verifying:
    case Stage::Prepared:
    case Stage::Checking:
    case Stage::Backoff:
    case Stage::Asking:
      enter_pool(i, -1);
      break;
  }
  for (const CriterionState& criterion : node.criteria) {
    s_.busy_ -= (criterion.running ? 1U : 0U) + (criterion.red_running ? 1U : 0U);
  }
  s_.pass_through_[i].clear();
}

void NodeMoves::begin_anew(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  NodeState fresh;
  fresh.id = node.id;
  fresh.plan_node = node.plan_node;
  fresh.item = node.item;
  fresh.group = node.group;
  fresh.instances = node.instances;
  fresh.attempt = node.attempt;  // names of jobs are not used twice
  fresh.started_ms = node.started_ms;
  fresh.started_lived_ms = node.started_lived_ms;
  fresh.denied = node.denied;
  fresh.not_permitted = node.not_permitted;
  fresh.spent = node.spent;  // it is paid for, whatever becomes of the work
  fresh.told_cost = node.told_cost;
  fresh.budget_mark = node.budget_mark;
  fresh.sent_back = node.sent_back;
  if (node.sent_back) {
    fresh.input = node.input;
    fresh.last = node.last;  // from which it goes on, where its input is the same again
  }
  fresh.criteria.resize(node.criteria.size());
  node = std::move(fresh);
}

void NodeMoves::retire_instances(std::size_t group) {
  for (const std::size_t i : std::exchange(s_.nodes_[group].instances, {})) {
    withdraw(i);
    begin_anew(i);
    s_.nodes_[i].stage = Stage::Settled;
    s_.nodes_[i].outcome = Outcome::Skipped;
    ++s_.settled_;
  }
}

void NodeMoves::wait_again(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  if (!node.instances.empty()) {
    node.stage = Stage::Expanded;  // its items are known
    s_.active_.insert(rank(i));
  } else if (node.group) {
    open(i);
  } else {
    count_needs(i);
    if (node.unsettled_needs == 0) {
      open_or_ask(i);
    }
  }
  for (const std::size_t dependant : s_.dependants_[i]) {
    if (s_.nodes_[dependant].stage == Stage::Waiting) {
      count_needs(dependant);
    }
  }
}

void NodeMoves::count_needs(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  const auto& needs = s_.needs(i);
  const auto open_need = [&](NodeIndex need) { return s_.nodes_[need].stage != Stage::Settled; };
  node.unsettled_needs =
      static_cast<std::size_t>(std::count_if(needs.begin(), needs.end(), open_need));
  if (node.unsettled_needs > 0) {
    s_.undecided_.erase(rank(i));
  }
}

}  // namespace runner
