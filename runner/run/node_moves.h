#pragma once

// How a node gets from stage to stage, with all the sets and counts of a RunState that follow from
// it. Used by the fold (run_state.cpp) only: it says which fact moves which node.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "runner/run/run_state.h"

namespace runner {

class NodeMoves {
 public:
  /// `at_ms` is when the event that is being applied happened, wall clock.
  NodeMoves(RunState& state, std::int64_t at_ms) : s_(state), at_ms_(at_ms) {}

  [[nodiscard]] RunState::Rank rank(std::size_t i) const {
    return {s_.priority_[s_.nodes_[i].plan_node], i};
  }

  /// Takes (1) or gives back (-1) a place in the node's pool, where it has one.
  void enter_pool(std::size_t i, std::int64_t by);
  void open(std::size_t i);
  void leave_open(std::size_t i);
  /// A node whose needs are settled is open, unless somebody has to decide first.
  void open_or_ask(std::size_t i);
  [[nodiscard]] bool has_failed_need(std::size_t i) const;
  /// Of a for_each node, for its item of that number; it is open at once.
  void add_instance(std::size_t group, std::size_t number, const dsl::Value& item);
  void settle(std::size_t i, Outcome outcome);

  // ---- When a run is resumed (resume_moves.cpp) -------------------------------------------------

  void forget_what_was_under_way();
  /// What the world brought down says nothing of the pipeline: those nodes, and those that were
  /// skipped for their sake, are as if nobody had come to them. What ran all the same stays.
  void do_again_what_was_lost();
  /// These, and all that came of their work, whatever became of it: as if nobody had come to them,
  /// but that they are told why.
  void do_again(const std::vector<std::size_t>& nodes, const SentBack& word);

 private:
  /// What dependants start from instead of this node's own tree.
  [[nodiscard]] std::vector<std::size_t> stands_for(std::size_t i) const;
  void forget(NodeState& node, std::size_t i);
  /// Takes the node out of all sets and counts, wherever it is.
  void withdraw(std::size_t i);
  /// As a node begins, with what is never forgotten of it.
  void begin_anew(std::size_t i);
  /// Instances of a for_each whose items may be others this time; they count as settled.
  void retire_instances(std::size_t group);
  void wait_again(std::size_t i);
  /// Of a node that waits, whose needs have changed.
  void count_needs(std::size_t i);

  RunState& s_;
  const std::int64_t at_ms_;
};

}  // namespace runner
