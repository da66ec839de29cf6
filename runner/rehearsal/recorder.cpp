#include "runner/rehearsal/recorder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runner/rehearsal/script_writer.h"

namespace runner {
namespace {

constexpr std::size_t kMostTurns = 100'000;  // of an attempt

/// A turn as a script of its own.
std::string text_of(const ScriptTurn& turn) {
  Script script;
  script.tasks.push_back({"turn", {{turn}}, ""});
  return script_to_yaml(script, "");
}

std::optional<ScriptTurn> turn_of(const std::string& text) {
  const ReadScript read = read_script("recorded", text, nullptr);
  const bool is_one = read.script && read.script->tasks.size() == 1 &&
                      read.script->tasks[0].attempts.size() == 1 &&
                      read.script->tasks[0].attempts[0].size() == 1;
  return is_one ? std::optional(read.script->tasks[0].attempts[0][0]) : std::nullopt;
}

ScriptTurn unheard() {
  ScriptTurn lost;
  lost.cut = ScriptCut::Unanswered;
  return lost;
}

std::optional<std::size_t> whole(const dsl::Value* value) {
  const double* const number = value != nullptr ? std::get_if<double>(&value->held) : nullptr;
  const bool is_whole = number != nullptr && *number >= 0 && *number < kMostTurns;
  return is_whole ? std::optional(static_cast<std::size_t>(*number)) : std::nullopt;
}

const std::string* text(const dsl::Value* value) {
  return value != nullptr ? std::get_if<std::string>(&value->held) : nullptr;
}

}  // namespace

void ModelRecorder::on_events(const RunState&, const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* const started = std::get_if<AttemptStarted>(&event.what)) {
      attempts_[started->job.value] = {started->node, started->attempt};
      tell({{"job", dsl::Value(started->job.value)},
            {"node", dsl::Value(started->node.value)},
            {"attempt", dsl::Value(static_cast<double>(started->attempt))}});
    } else if (const auto* const ended = std::get_if<AttemptEnded>(&event.what)) {
      for (auto& [job, attempt] : attempts_) {
        if (attempt.node == ended->node && attempt.number == ended->attempt) {
          attempt.ended = true;
          tell({{"job", dsl::Value(job)}, {"ended", dsl::Value(true)}});
        }
      }
    } else if (std::holds_alternative<RunResumed>(event.what)) {
      forget_what_was_under_way();
      tell({{"resumed", dsl::Value(true)}});
    }
  }
}

void ModelRecorder::forget_what_was_under_way() {
  std::erase_if(attempts_, [](const auto& entry) { return !entry.second.ended; });
}

std::size_t ModelRecorder::ask(const std::string& job) {
  const auto found = attempts_.find(job);
  if (found == attempts_.end()) {
    return 0;
  }
  found->second.turns.push_back(unheard());
  return found->second.turns.size() - 1;
}

void ModelRecorder::hear(const std::string& job, std::size_t turn, ScriptTurn said) {
  const std::string text = keeping_ ? keeping_->cleaned(text_of(said)) : "";
  if (place_turn(job, turn, std::move(said))) {
    tell({{"job", dsl::Value(job)},
          {"turn", dsl::Value(static_cast<double>(turn))},
          {"said", dsl::Value(text)}});
  }
}

bool ModelRecorder::place_turn(const std::string& job, std::size_t turn, ScriptTurn said) {
  const auto found = attempts_.find(job);
  if (found == attempts_.end() || turn >= found->second.turns.size()) {
    return false;
  }
  found->second.turns[turn] = std::move(said);
  return true;
}

void ModelRecorder::tell(const dsl::Value::Record& line) const {
  if (keeping_) {
    keeping_->keep(dsl::to_json(dsl::Value(line)));
  }
}

bool ModelRecorder::learn(std::string_view line) {
  const auto read = dsl::value_from_json(line);
  if (read && read->find("resumed") != nullptr) {
    forget_what_was_under_way();
    return true;
  }
  const std::string* const job = read ? text(read->find("job")) : nullptr;
  if (job == nullptr) {
    return false;
  }
  const std::string* const node = text(read->find("node"));
  if (const auto attempt = whole(read->find("attempt")); node != nullptr && attempt) {
    attempts_[*job] = {dsl::NodeId(*node), static_cast<std::int64_t>(*attempt)};
    return true;
  }
  if (const auto known = attempts_.find(*job);
      known != attempts_.end() && read->find("ended") != nullptr) {
    known->second.ended = true;
    return true;
  }
  const auto turn = whole(read->find("turn"));
  const std::string* const said = text(read->find("said"));
  auto heard = said != nullptr ? turn_of(*said) : std::nullopt;
  const auto found = attempts_.find(*job);
  if (!turn || !heard || found == attempts_.end()) {
    return false;
  }
  // One that was asked before it was never answered as long as the other runner lived.
  found->second.turns.resize(std::max(found->second.turns.size(), *turn + 1), unheard());
  return place_turn(*job, *turn, *std::move(heard));
}

Script ModelRecorder::script() const {
  std::map<std::string, std::map<std::int64_t, const Attempt*>> by_node;
  for (const auto& [_, attempt] : attempts_) {
    by_node[attempt.node.value][attempt.number] = &attempt;
  }
  Script script;
  for (const auto& [node, attempts] : by_node) {
    ScriptTask task{node, {}, ""};
    for (const auto& [_, attempt] : attempts) {
      if (attempt->turns.empty()) {
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
