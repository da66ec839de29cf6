#include "runner/run/node_moves.h"

#include <algorithm>
#include <utility>

namespace runner {

using dsl::NodeIndex;

void NodeMoves::enter_pool(std::size_t i, std::int64_t by) {
  const std::string& pool = s_.plan_node(i).pool;
  if (!pool.empty()) {
    s_.pool_use_[pool] += by;
  }
}

void NodeMoves::open(std::size_t i) {
  s_.nodes_[i].stage = Stage::Open;
  s_.open_.insert(rank(i));
}

void NodeMoves::leave_open(std::size_t i) {
  s_.open_.erase(rank(i));
  enter_pool(i, 1);
}

void NodeMoves::open_or_ask(std::size_t i) {
  if (has_failed_need(i) || s_.plan_node(i).condition || s_.missing_outputs(i)) {
    s_.undecided_.insert(rank(i));
  } else {
    open(i);
  }
}

bool NodeMoves::has_failed_need(std::size_t i) const {
  const auto& needs = s_.needs(i);
  return std::any_of(needs.begin(), needs.end(), [&](NodeIndex need) { return s_.blocks(need); });
}

void NodeMoves::add_instance(std::size_t group, std::size_t number, const dsl::Value& item) {
  NodeState instance;
  instance.id = dsl::NodeId(s_.nodes_[group].id.value + "[" + std::to_string(number) + "]");
  if (const auto retired = s_.find(instance.id)) {
    withdraw(*retired);
    begin_anew(*retired);
    s_.nodes_[*retired].item = item;
    s_.nodes_[group].instances.push_back(*retired);
    open(*retired);
    return;
  }
  instance.plan_node = s_.nodes_[group].plan_node;
  instance.item = item;
  instance.group = group;
  instance.criteria.resize(s_.plan_node(group).criteria.size());
  const std::size_t place = s_.nodes_.size();
  s_.by_id_.emplace(instance.id.value, place);
  s_.nodes_.push_back(std::move(instance));
  s_.pass_through_.emplace_back();
  s_.dependants_.emplace_back();
  s_.nodes_[group].instances.push_back(place);
  open(place);
}

void NodeMoves::settle(std::size_t i, Outcome outcome) {
  NodeState& node = s_.nodes_[i];
  if (node.stage != Stage::Waiting && node.stage != Stage::Expanded &&
      node.stage != Stage::Parked) {
    enter_pool(i, -1);
  }
  if (node.stage == Stage::Expanded) {
    node.outputs = s_.outputs_of(s_.plan_.nodes[node.plan_node], node.instances);
  }
  node.stage = Stage::Settled;
  node.outcome = outcome;
  node.finished_ms = at_ms_;
  node.finished_lived_ms = s_.lived_ms_;
  s_.active_.erase(rank(i));
  s_.open_.erase(rank(i));
  s_.undecided_.erase(rank(i));
  ++s_.settled_;
  if (node.group) {
    return;  // its for_each node speaks for it
  }
  if (outcome != Outcome::Passed || s_.plan_node(i).for_each) {
    s_.pass_through_[i] = stands_for(i);
  }
  for (const std::size_t dependant : s_.dependants_[i]) {
    if (--s_.nodes_[dependant].unsettled_needs == 0 && s_.started()) {
      open_or_ask(dependant);
    }
  }
}

std::vector<std::size_t> NodeMoves::stands_for(std::size_t i) const {
  std::vector<std::size_t> sides;
  for (const std::size_t instance : s_.nodes_[i].instances) {
    if (s_.nodes_[instance].outcome == Outcome::Passed) {
      sides.push_back(instance);
    }
  }
  return sides.empty() ? s_.sides(i) : sides;
}

}  // namespace runner
