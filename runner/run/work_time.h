#pragma once

// How long the nodes of a run, of its phases and of its tasks have worked, and how much of their
// budgets of time is left. Time counts while an attempt or a check is under way; all that runs at
// once counts once. What waits (for a retry, a provider, a person) costs none, nor does what a
// runner that died had not written down. Part of RunState; knows no clock.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/plan.h"

namespace runner {

class WorkTime {
 public:
  /// `plan` must outlive this.
  explicit WorkTime(const dsl::Plan& plan);

  /// No part of the plan has a budget of time: nothing needs to be counted.
  [[nodiscard]] bool is_bounded() const { return is_bounded_; }

  /// So long these nodes of the plan have been at work, all at the same time.
  void add(const std::vector<std::size_t>& plan_nodes, std::int64_t ms);

  /// The budget that ends this node first.
  struct Left {
    std::int64_t ms = 0;  // never less than 0
    std::string budget;   // "the task's budget of 45m of time"
  };
  /// No value: nothing bounds it. `plan_nodes` have been at work for `ms` that are not yet added.
  [[nodiscard]] std::optional<Left> left(std::size_t plan_node,
                                         const std::vector<std::size_t>& plan_nodes,
                                         std::int64_t ms) const;

 private:
  const dsl::Plan& plan_;
  std::vector<std::size_t> phase_of_;  // by plan node; constant after construction
  bool is_bounded_ = false;            // constant after construction
  std::int64_t run_ms_ = 0;
  std::vector<std::int64_t> phase_ms_;
  std::vector<std::int64_t> node_ms_;
};

}  // namespace runner
