#include "runner/rehearsal/script.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "dsl/codes.h"
#include "dsl/fields.h"
#include "dsl/parse_parts.h"
#include "dsl/render.h"
#include "dsl/suggest.h"
#include "dsl/token_prices.h"

namespace runner {
namespace {

using dsl::Field;
using dsl::Findings;
using dsl::into;
using dsl::Need;
using dsl::quoted;
using dsl::Record;
using dsl::Stated;
using dsl::StatedList;
using dsl::Text;
using dsl::Word;
using dsl::YamlValue;

constexpr std::int64_t kMostTimes = 10'000;

constexpr std::array kCutWords = {
    Word<ScriptCut>{ScriptCut::Unanswered, "unanswered"},
    Word<ScriptCut>{ScriptCut::Begun, "begun"},
    Word<ScriptCut>{ScriptCut::Unfinished, "unfinished"},
};

// ---- what a turn consists of -------------------------------------------------------------------

template <auto member>
constexpr auto count = [](YamlValue key, YamlValue value, auto& target, Findings& findings) {
  if (const auto tokens = dsl::read_tokens(key, value, findings)) {
    if (tokens.value.count > dsl::kMostTokens) {
      findings.error(dsl::kOutOfRange,
                     tokens.span,
                     fmt::format("{} tokens in one answer", dsl::to_text(tokens.value)),
                     "write at most 100M");
    } else {
      target.*member = tokens.value.count;
    }
  }
};

constexpr Field<ScriptUsage> kUsageFields[] = {
    {"input", count<&ScriptUsage::input>},
    {"output", count<&ScriptUsage::output>},
    {"thinking", count<&ScriptUsage::thinking>},
    {"cache_read", count<&ScriptUsage::cache_read>},
    {"cache_write", count<&ScriptUsage::cache_write>},
};
constexpr Record<ScriptUsage> kUsage{"'usage'", kUsageFields};

constexpr auto read_name = [](YamlValue key, YamlValue value, ScriptTool& tool, Findings& found) {
  tool.name = dsl::read_word(key, value, found).value;
};
constexpr auto read_input = [](YamlValue key, YamlValue value, ScriptTool& tool, Findings& found) {
  if (value.kind() == YamlValue::Kind::Map ||
      (value.kind() == YamlValue::Kind::Scalar && value.is_quoted())) {
    tool.input = value.to_value();
    return;
  }
  dsl::report_wrong_kind(value,
                         quoted(key.text()),
                         "a map, or a text in quotes",
                         "write input: {command: make}, with the tool's own names",
                         found);
};

constexpr Field<ScriptTool> kToolFields[] = {
    {"name", read_name, Need::Required},
    {"input", read_input, Need::Required},
};
constexpr Record<ScriptTool> kTool{"a call of a tool", kToolFields};

constexpr auto read_status = [](YamlValue key, YamlValue value, ScriptError& to, Findings& found) {
  if (const auto status = dsl::read_integer(key, value, 400, 599, found)) {
    to.status = status.value;
  }
};
constexpr auto read_message = [](YamlValue key, YamlValue value, ScriptError& to, Findings& found) {
  to.message = dsl::read_text(key, value, found).value;
};
template <auto member>
constexpr auto span_of_time = [](YamlValue key, YamlValue value, ScriptError& to, Findings& found) {
  if (const auto duration = dsl::read_duration(key, value, found)) {
    to.*member = duration.value;
  }
};

constexpr Field<ScriptError> kErrorFields[] = {
    {"status", read_status, Need::Required},
    {"message", read_message},
    {"retry_after", span_of_time<&ScriptError::retry_after>},
    {"resets_after", span_of_time<&ScriptError::resets_after>},
};
constexpr Record<ScriptError> kError{"'error'", kErrorFields};

// ---- turns -------------------------------------------------------------------------------------

template <auto member>
constexpr auto text = [](YamlValue key, YamlValue value, ScriptTurn& turn, Findings& found) {
  turn.*member = dsl::read_text(key, value, found).value;
};
constexpr auto read_tools = [](YamlValue key, YamlValue value, ScriptTurn& turn, Findings& found) {
  if (value.kind() != YamlValue::Kind::List) {
    dsl::report_wrong_kind(value,
                           quoted(key.text()),
                           "a list of calls",
                           "write tools: [{name: Bash, input: {command: make}}]",
                           found);
    return;
  }
  value.each_item([&](YamlValue item) {
    read_record(item, item.span(), kTool, turn.tools.emplace_back(), found);
  });
};
constexpr auto read_usage = [](YamlValue, YamlValue value, ScriptTurn& turn, Findings& found) {
  read_record(value, value.span(), kUsage, turn.usage, found);
};
constexpr auto read_error = [](YamlValue, YamlValue value, ScriptTurn& turn, Findings& found) {
  read_record(value, value.span(), kError, turn.error.emplace(), found);
};
constexpr auto read_cut = [](YamlValue key, YamlValue value, ScriptTurn& turn, Findings& found) {
  if (const auto cut = dsl::read_choice(key, value, kCutWords, found)) {
    turn.cut = cut.value;
  }
};
constexpr auto read_delay = [](YamlValue key, YamlValue value, ScriptTurn& turn, Findings& found) {
  turn.delay = dsl::read_duration(key, value, found).value;
};
constexpr auto read_times = [](YamlValue key, YamlValue value, ScriptTurn& turn, Findings& found) {
  if (const auto times = dsl::read_integer(key, value, 1, kMostTimes, found)) {
    turn.times = times.value;
  }
};

constexpr Field<ScriptTurn> kTurnFields[] = {
    {"thinking", text<&ScriptTurn::thinking>},
    {"text", text<&ScriptTurn::text>},
    {"tools", read_tools},
    {"usage", read_usage},
    {"error", read_error},
    {"cut", read_cut},
    {"delay", read_delay},
    {"times", read_times},
    {"expects", text<&ScriptTurn::expects>},
};
constexpr Record<ScriptTurn> kTurn{"a turn", kTurnFields};

void check_turn(const ScriptTurn& turn, YamlValue value, Findings& findings) {
  bool says = false;  // if only that it says nothing
  value.each_entry([&says](YamlValue key, YamlValue) {
    says = says || key.text() == "text" || key.text() == "tools" || key.text() == "thinking";
  });
  if (turn.error && (says || turn.cut)) {
    findings.error(dsl::kExclusiveKeys,
                   value.span(),
                   "a turn is an error or an answer, not both",
                   "make two turns of it");
  } else if (!turn.error && !says && !turn.cut) {
    findings.error(dsl::kMissingKey,
                   value.span(),
                   "a turn that says nothing",
                   "write text: Done., or tools:, or error:");
  }
}

/// What `read_record` has no room for: where things stand.
struct Reading {
  const dsl::Sources& sources;
  Script& script;
  std::vector<dsl::Span> names;  // of Script::tasks
};

struct AttemptSpec {
  const dsl::Sources* sources = nullptr;
  std::vector<ScriptTurn> turns;
};

constexpr auto read_turns = [](YamlValue key, YamlValue value, AttemptSpec& to, Findings& found) {
  if (value.kind() != YamlValue::Kind::List || value.size() == 0) {
    dsl::report_wrong_kind(value,
                           quoted(key.text()),
                           "a list of one turn or more",
                           "write turns: [{text: Done.}]",
                           found);
    return;
  }
  value.each_item([&](YamlValue item) {
    ScriptTurn& turn = to.turns.emplace_back();
    turn.place = to.sources->text_of(item.span());
    if (read_record(item, item.span(), kTurn, turn, found) && !found.has_errors()) {
      check_turn(turn, item, found);
    }
  });
};

constexpr Field<AttemptSpec> kAttemptFields[] = {{"turns", read_turns, Need::Required}};
constexpr Record<AttemptSpec> kAttempt{"an attempt", kAttemptFields};

struct TaskSpec {
  const dsl::Sources* sources = nullptr;
  ScriptTask task;
};

constexpr auto read_attempts = [](YamlValue key, YamlValue value, TaskSpec& to, Findings& found) {
  if (value.kind() != YamlValue::Kind::List || value.size() == 0) {
    dsl::report_wrong_kind(value,
                           quoted(key.text()),
                           "a list of one attempt or more",
                           "write attempts: [{turns: [{text: Done.}]}]",
                           found);
    return;
  }
  value.each_item([&](YamlValue item) {
    AttemptSpec attempt{to.sources, {}};
    read_record(item, item.span(), kAttempt, attempt, found);
    to.task.attempts.push_back(std::move(attempt.turns));
  });
};

constexpr Field<TaskSpec> kTaskFields[] = {{"attempts", read_attempts, Need::Required}};
constexpr Record<TaskSpec> kTask{"a task's script", kTaskFields};

constexpr auto read_version = [](YamlValue key, YamlValue value, Reading&, Findings& found) {
  dsl::read_integer(key, value, 1, 1, found);
};
constexpr auto read_tasks = [](YamlValue key, YamlValue value, Reading& to, Findings& found) {
  if (value.kind() != YamlValue::Kind::Map) {
    dsl::report_wrong_kind(value,
                           quoted(key.text()),
                           "a map from tasks to what their models say",
                           "write tasks: {build: {attempts: [{turns: [{text: Done.}]}]}}",
                           found);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue task) {
    TaskSpec spec{&to.sources, {}};
    read_record(task, name.span(), kTask, spec, found);
    spec.task.name = name.text();
    spec.task.place = to.sources.text_of(name.span());
    to.script.tasks.push_back(std::move(spec.task));
    to.names.push_back(name.span());
  });
};

constexpr Field<Reading> kScriptFields[] = {
    {"version", read_version, Need::Required},
    {"tasks", read_tasks, Need::Required},
};
constexpr Record<Reading> kScript{"a script", kScriptFields};

// ---- against the plan --------------------------------------------------------------------------

/// The task that a node is an instance of.
std::string_view task_of(std::string_view node) {
  return node.substr(0, node.find('['));
}

void check_against(const dsl::Plan& plan,
                   const Reading& read,
                   const dsl::Span& place,
                   Findings& findings) {
  std::set<std::string_view> known;
  for (const dsl::PlanNode& node : plan.nodes) {
    if (!node.command.argv.empty()) {
      known.insert(node.id.value);
      known.insert(task_of(node.id.value));
    }
    if (node.agent && read.script.find(node.id) == nullptr) {
      findings.error(
          dsl::kMissingKey,
          place,
          fmt::format("nothing is said to the agent of {}", quoted(node.id.value)),
          fmt::format("write tasks: {{{}: {{attempts: [{{turns: [{{text: Done.}}]}}]}}}}",
                      task_of(node.id.value)));
    }
  }
  const std::vector<std::string_view> names(known.begin(), known.end());
  for (std::size_t i = 0; i < read.names.size(); ++i) {
    const std::string& name = read.script.tasks[i].name;
    // An instance of for_each is not known before the run.
    if (!known.contains(name) && !(name.ends_with(']') && known.contains(task_of(name)))) {
      findings.error(dsl::kUnknownTask,
                     read.names[i],
                     fmt::format("the pipeline has no task {}", quoted(name)),
                     dsl::did_you_mean(name, names));
    }
  }
}

}  // namespace

const ScriptTask* Script::find(const dsl::NodeId& node) const {
  const ScriptTask* of_task = nullptr;
  for (const ScriptTask& task : tasks) {
    if (task.name == node.value) {
      return &task;
    }
    if (task.name == task_of(node.value)) {
      of_task = &task;
    }
  }
  return of_task;
}

ReadScript read_script(const std::string& name, std::string text, const dsl::Plan* plan) {
  ReadScript result;
  const std::uint32_t source = result.sources.add(name, std::move(text));
  Findings findings;
  Script script;
  Reading reading{result.sources, script, {}};
  const auto document = dsl::YamlDocument::parse(result.sources, source, findings);
  if (document &&
      read_record(document->root(), document->root().span(), kScript, reading, findings) &&
      plan != nullptr && !findings.has_errors()) {
    check_against(*plan, reading, document->root().span(), findings);
  }
  const bool good = document && !findings.has_errors();
  result.diagnostics = findings.take();
  if (good) {
    result.script = std::move(script);
  }
  return result;
}

std::vector<std::pair<std::string_view, std::vector<std::string_view>>> script_keys() {
  dsl::KnownKeys known;
  append_keys(kScript, "script", known);
  append_keys(kTask, "task", known);
  append_keys(kAttempt, "attempt", known);
  append_keys(kTurn, "turn", known);
  append_keys(kTool, "tool", known);
  append_keys(kUsage, "usage", known);
  append_keys(kError, "error", known);
  return known;
}

}  // namespace runner
