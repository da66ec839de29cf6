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
    unsettle(i);
  }
  for (const std::size_t i : lost) {
    wait_again(i);
  }
}

void NodeMoves::unsettle(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  NodeState fresh;
  fresh.id = node.id;
  fresh.plan_node = node.plan_node;
  fresh.item = node.item;
  fresh.group = node.group;
  fresh.instances = node.instances;
  fresh.attempt = node.attempt;  // names of jobs are not used twice
  fresh.started_ms = node.started_ms;
  fresh.denied = node.denied;
  fresh.not_permitted = node.not_permitted;
  fresh.criteria.resize(node.criteria.size());
  node = std::move(fresh);
  s_.pass_through_[i].clear();
  --s_.settled_;
}

void NodeMoves::wait_again(std::size_t i) {
  NodeState& node = s_.nodes_[i];
  if (!node.instances.empty()) {
    node.stage = Stage::Expanded;  // its items are known
    s_.active_.insert(rank(i));
    return;
  }
  if (node.group) {
    open(i);
    return;
  }
  const auto& needs = s_.needs(i);
  const auto open_need = [&](NodeIndex need) { return s_.nodes_[need].stage != Stage::Settled; };
  node.unsettled_needs =
      static_cast<std::size_t>(std::count_if(needs.begin(), needs.end(), open_need));
  if (node.unsettled_needs == 0) {
    open_or_ask(i);
  }
}

}  // namespace runner
