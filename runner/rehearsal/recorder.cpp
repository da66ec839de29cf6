#include "runner/rehearsal/recorder.h"

#include <utility>

namespace runner {

void ModelRecorder::on_events(const RunState&, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* const started = std::get_if<AttemptStarted>(&event.what)) {
      attempts_[started->job.value] = {started->node, started->attempt, {}};
    }
  }
}

std::size_t ModelRecorder::ask(const std::string& job) {
  const auto found = attempts_.find(job);
  if (found == attempts_.end()) {
    return 0;
  }
  ScriptTurn lost;  // until something is heard
  lost.cut = ScriptCut::Unanswered;
  found->second.turns.push_back(std::move(lost));
  return found->second.turns.size() - 1;
}

void ModelRecorder::hear(const std::string& job, std::size_t turn, ScriptTurn said) {
  const auto found = attempts_.find(job);
  if (found != attempts_.end() && turn < found->second.turns.size()) {
    found->second.turns[turn] = std::move(said);
  }
}

Script ModelRecorder::script() const {
  std::map<std::string, std::map<std::int64_t, const Attempt*>> by_node;
  for (const auto& [_, attempt] : attempts_) {
    by_node[attempt.node.value][attempt.number] = &attempt;
  }
  Script script;
  for (const auto& [node, attempts] : by_node) {
    ScriptTask task{node, {}, ""};
    for (const auto& [number, attempt] : attempts) {
      if (attempt->turns.empty() || number != static_cast<std::int64_t>(task.attempts.size()) + 1) {
        break;
      }
      task.attempts.push_back(attempt->turns);
    }
    if (!task.attempts.empty()) {
      script.tasks.push_back(std::move(task));
    }
  }
  return script;
}

}  // namespace runner
