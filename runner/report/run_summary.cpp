#include "runner/report/run_summary.h"

#include <array>

#include "dsl/value.h"
#include "runner/report/node_text.h"

namespace runner::report {
namespace {

using dsl::Value;

constexpr std::array kOutcomes = {
    Outcome::Passed, Outcome::Failed, Outcome::Errored, Outcome::Skipped};

Value number(std::int64_t value) {
  return Value(static_cast<double>(value));
}

template <class T>
const T* held(const Value& record, std::string_view key) {
  const Value* found = record.find(key);
  return found == nullptr ? nullptr : std::get_if<T>(&found->held);
}

dsl::Error not_a_summary(std::string_view key) {
  return {"the summary of the run has no '" + std::string(key) + "'", ""};
}

}  // namespace

std::string_view outcome_word(Outcome outcome) {
  switch (outcome) {
    case Outcome::Passed:
      return "passed";
    case Outcome::Failed:
      return "failed";
    case Outcome::Errored:
      return "error";
    case Outcome::Skipped:
      return "skipped";
  }
  return "";
}

RunSummary summarise(const RunState& state) {
  RunSummary summary;
  summary.pipeline = state.plan().name;
  summary.outcome = state.outcome();
  summary.started_ms = state.started_ms();
  summary.last_ms = state.last_ms();
  summary.took_ms = state.took_ms(summary.last_ms);
  summary.delivered = state.delivered();
  for (std::size_t i = 0; i < state.nodes().size(); ++i) {
    const bool counts = is_counted(state, i);
    summary.tasks += counts ? 1 : 0;
    summary.settled += counts && state.nodes()[i].outcome ? 1 : 0;
  }
  return summary;
}

std::string summary_to_json(const RunSummary& summary) {
  return dsl::to_json(Value(Value::Record{
      {"pipeline", Value(summary.pipeline)},
      {"outcome", summary.outcome ? Value(std::string(outcome_word(*summary.outcome))) : Value()},
      {"started_at_ms", number(summary.started_ms)},
      {"last_at_ms", number(summary.last_ms)},
      {"took_ms", number(summary.took_ms)},
      {"tasks", number(summary.tasks)},
      {"settled", number(summary.settled)},
      {"result", Value(summary.delivered)},
  }));
}

dsl::Result<RunSummary> summary_from_json(const std::string& json) {
  const dsl::Result<Value> value = dsl::value_from_json(json);
  if (!value) {
    return value.error();
  }
  RunSummary summary;
  for (const auto& [key, text] :
       {std::pair("pipeline", &summary.pipeline), std::pair("result", &summary.delivered)}) {
    const auto* found = held<std::string>(*value, key);
    if (found == nullptr) {
      return not_a_summary(key);
    }
    *text = *found;
  }
  for (const auto& [key, figure] : {std::pair("started_at_ms", &summary.started_ms),
                                    std::pair("last_at_ms", &summary.last_ms),
                                    std::pair("took_ms", &summary.took_ms),
                                    std::pair("tasks", &summary.tasks),
                                    std::pair("settled", &summary.settled)}) {
    const auto* found = held<double>(*value, key);
    if (found == nullptr) {
      return not_a_summary(key);
    }
    *figure = static_cast<std::int64_t>(*found);
  }
  if (const auto* word = held<std::string>(*value, "outcome")) {
    for (const Outcome outcome : kOutcomes) {
      if (outcome_word(outcome) == *word) {
        summary.outcome = outcome;
      }
    }
  }
  return summary;
}

}  // namespace runner::report
