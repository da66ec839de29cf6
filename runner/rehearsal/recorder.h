#pragma once

// Writes down what the models of a run say, as a script that `pipe rehearse` answers from. It is
// told by the run's events which job is which attempt. Loop thread.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runner/rehearsal/answer_reader.h"
#include "runner/rehearsal/script.h"
#include "runner/run/observer.h"

namespace runner {

class ModelRecorder final : public Observer {
 public:
  void on_events(const RunState& state, const std::vector<Event>& events) override;

  /// A request of this job goes to a model: its turn comes before those of later ones. Jobs that
  /// are no attempts have none.
  std::size_t ask(const std::string& job);
  /// What came of the turn that `ask` gave.
  void hear(const std::string& job, std::size_t turn, ScriptTurn said);

  /// Everything so far, by task and attempt. Attempts without a request are left out, and with them
  /// those that follow.
  [[nodiscard]] Script script() const;

 private:
  struct Attempt {
    dsl::NodeId node;
    std::int64_t number = 1;
    std::vector<ScriptTurn> turns;
  };
  std::map<std::string, Attempt, std::less<>> attempts_;  // by job
};

}  // namespace runner
