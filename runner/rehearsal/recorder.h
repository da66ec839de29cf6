#pragma once

// Writes down what the models of a run say, as a script that `pipe rehearse` answers from. It is
// told by the run's events which job is which attempt. Each thing that it learns is a line, from
// which another one learns the same: a run may be resumed. Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/value.h"
#include "runner/rehearsal/answer_reader.h"
#include "runner/rehearsal/script.h"
#include "runner/run/observer.h"

namespace runner {

class ModelRecorder final : public Observer {
 public:
  /// Where lines are kept.
  struct Keeping {
    /// Takes out of a text what nobody may keep.
    std::function<std::string(const std::string&)> cleaned;
    /// Is given each line, without its end.
    std::function<void(const std::string&)> keep;
  };
  ModelRecorder() = default;
  explicit ModelRecorder(Keeping keeping) : keeping_(std::move(keeping)) {}

  void on_events(const RunState& state, const std::vector<Event>& events) override;

  /// A request of this job goes to a model: its turn comes before those of later ones. Jobs that
  /// are no attempts have none.
  std::size_t ask(const std::string& job);
  /// What came of the turn that `ask` gave.
  void hear(const std::string& job, std::size_t turn, ScriptTurn said);

  /// What another recorder of this run learnt, in the same order. False: it is no such line.
  bool learn(std::string_view line);

  /// Everything so far, by task and attempt; without attempts that a resumed run has done again.
  /// Attempts without a request are left out, and with them those that follow.
  [[nodiscard]] Script script() const;

 private:
  struct Attempt {
    dsl::NodeId node;
    std::int64_t number = 1;
    std::vector<ScriptTurn> turns = {};
    bool ended = false;
  };
  void forget_what_was_under_way();
  void tell(const dsl::Value::Record& line) const;
  bool place_turn(const std::string& job, std::size_t turn, ScriptTurn said);

  const std::optional<Keeping> keeping_;
  std::map<std::string, Attempt, std::less<>> attempts_;  // by job
};

}  // namespace runner
