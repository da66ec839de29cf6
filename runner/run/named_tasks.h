#pragma once

// Which tasks the expressions of a plan's nodes name (`needs.TASK`). Constant; any thread.

#include <cstddef>
#include <vector>

#include "dsl/plan.h"

namespace runner {

class NamedTasks {
 public:
  /// What is one task to those who name it: all instances of its matrix, in the order of the plan,
  /// else one node; or the gate of a phase.
  using Task = std::vector<dsl::NodeIndex>;

  explicit NamedTasks(const dsl::Plan& plan);

  /// Places of the tasks that any expression of this plan node names.
  [[nodiscard]] const std::vector<std::size_t>& named(dsl::NodeIndex node) const {
    return named_[node];
  }
  /// Places of those whose outputs it reads, its `if:` aside.
  [[nodiscard]] const std::vector<std::size_t>& read(dsl::NodeIndex node) const {
    return read_[node];
  }
  [[nodiscard]] const Task& at(std::size_t place) const { return tasks_[place]; }

 private:
  std::vector<Task> tasks_;
  std::vector<std::vector<std::size_t>> named_;  // by plan node
  std::vector<std::vector<std::size_t>> read_;   // by plan node
};

}  // namespace runner
