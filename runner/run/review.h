#pragma once

// What a run asks of people, and whose work their answers are about. Pure; any thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runner/run/run_state.h"

namespace runner {

/// What a person is asked, where the criterion is that of a person; "" it is not.
std::string question_of(const dsl::Criterion& criterion, const NodeState& node);

/// Something that waits for a person's word.
struct Question {
  std::size_t node = 0;
  std::int64_t criterion = -1;  // -1: the approval itself
  std::string text;
};

/// In the order of the state's nodes.
std::vector<Question> open_questions(const RunState& state);

/// Whether a reason makes a difference to the next attempt of its work: an agent is told, and so is
/// a command with `retry: {feedback: criteria}`.
bool can_be_told(const dsl::PlanNode& node);

/// Whose work a question of this node is about: its own, where it works. Of an approval or the end
/// of a phase, the nearest above it on each way that can be told why it is not good; where none of
/// them can, the nearest that work. Empty: there is nothing to do again. Places of plan nodes, or
/// of an instance of a for_each.
std::vector<std::size_t> reviewed_by(const RunState& state, std::size_t node);

/// Works on a command that has run, above this node.
bool is_work_above(const RunState& state, std::size_t work, std::size_t node);

}  // namespace runner
