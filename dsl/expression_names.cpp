// The part of ExpressionChecker that knows names: contexts and their members.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/expression_checker.h"
#include "dsl/expression_wording.h"

namespace dsl {
namespace {

/// What people write who come from another tool, and what is meant here.
std::string remedy_for_context(std::string_view name) {
  if (name == "steps" || name == "jobs" || name == "tasks") {
    return "an earlier task's outputs are needs.TASK.outputs.NAME";
  }
  if (name == "github" || name == "runner" || name == "strategy") {
    return "the run is run.id and run.attempt, the pipeline is pipeline.name";
  }
  if (name == "vars" || name == "variables" || name == "parameters") {
    return "values given to the pipeline are inputs.NAME";
  }
  return "";
}

}  // namespace

std::vector<std::string_view> ExpressionChecker::visible_contexts() const {
  std::vector<std::string_view> visible;
  const auto add = [&](bool here, std::string_view name) {
    if (here) {
      visible.push_back(name);
    }
  };
  add(names_.inputs != nullptr, "inputs");
  add(names_.env != nullptr, "env");
  add(names_.matrix != nullptr, "matrix");
  add(names_.item.has_value(), "item");
  add(static_cast<bool>(names_.need), "needs");
  add(names_.secrets != nullptr, "secrets");
  add(names_.run, "run");
  add(names_.pipeline_name.has_value(), "pipeline");
  return visible;
}

const NameTable* ExpressionChecker::table(Group group) const {
  switch (group) {
    case Group::Inputs:
      return names_.inputs;
    case Group::Env:
      return names_.env;
    case Group::Matrix:
      return names_.matrix;
    case Group::Secrets:
      return names_.secrets;
    case Group::None:
    case Group::Needs:
    case Group::Need:
    case Group::NeedOutputs:
    case Group::Run:
    case Group::Pipeline:
      break;
  }
  return nullptr;
}

ExpressionChecker::Facts ExpressionChecker::check_name(const Node& node) {
  if (node.name == "inputs") {
    return check_context(node, Group::Inputs, names_.inputs != nullptr);
  }
  if (node.name == "env") {
    return check_context(node, Group::Env, names_.env != nullptr);
  }
  if (node.name == "matrix") {
    return check_context(node, Group::Matrix, names_.matrix != nullptr);
  }
  if (node.name == "secrets") {
    return check_context(node, Group::Secrets, names_.secrets != nullptr);
  }
  if (node.name == "needs") {
    return check_context(node, Group::Needs, static_cast<bool>(names_.need));
  }
  if (node.name == "run") {
    return check_context(node, Group::Run, names_.run);
  }
  if (node.name == "pipeline") {
    return check_context(node, Group::Pipeline, names_.pipeline_name.has_value());
  }
  if (node.name == "item" && names_.item) {
    return named({{"item", *names_.item}}, "name", "item", node.range);
  }
  if (node.name == "item") {
    return check_context(node, Group::None, false);
  }
  std::string remedy = remedy_for_context(node.name);
  if (remedy.empty() && find_function(node.name) != nullptr) {
    remedy =
        fmt::format("a function is called with parentheses: {}", find_function(node.name)->use);
  }
  if (remedy.empty()) {
    remedy = suggest_name(node.name, visible_contexts(), "no names can be used here");
    if (!remedy.starts_with("did you")) {
      remedy += "; a text stands in single quotes";
    }
  }
  return fail("P0710", node.range, fmt::format("there is no '{}'", node.name), std::move(remedy));
}

ExpressionChecker::Facts ExpressionChecker::check_context(const Node& node,
                                                          Group group,
                                                          bool here) {
  if (here) {
    Facts facts;
    facts.group = group;
    return facts;
  }
  if (group == Group::Secrets) {
    return fail(
        "P0715",
        node.range,
        "secrets cannot be read in an expression here",
        "list the name under the task's 'secrets:'; the runner brings it to where it is used");
  }
  std::string remedy;
  if (group == Group::Matrix) {
    remedy = "give the task a 'matrix:'";
  } else if (node.name == "item") {
    remedy = "give the task a 'for_each:'";
  } else if (!visible_contexts().empty()) {
    remedy = "there is " + list_names(visible_contexts());
  } else {
    remedy = "only values can be used here";
  }
  return fail("P0711",
              node.range,
              fmt::format("'{}' does not exist {}",
                          node.name,
                          names_.task.empty() ? "here" : fmt::format("in task '{}'", names_.task)),
              std::move(remedy));
}

ExpressionChecker::Facts ExpressionChecker::named(const NameTable& table,
                                                  std::string_view what,
                                                  std::string_view name,
                                                  TextRange range) {
  const auto found = table.find(name);
  if (found == table.end()) {
    std::vector<std::string_view> candidates;
    for (const auto& entry : table) {
      candidates.push_back(entry.first);
    }
    return fail("P0712",
                range,
                fmt::format("there is no {} '{}'", what, name),
                suggest_name(name, candidates, "none is declared"));
  }
  Facts facts = unknown(found->second.type);
  facts.value = found->second.value;
  facts.replacement = found->second.expression;
  replaced_ = replaced_ || !facts.replacement.empty();
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::member(const Facts& base,
                                                   std::string_view name,
                                                   TextRange range) {
  switch (base.group) {
    case Group::None:
      return member_of_value(base, Value(std::string(name)), range);
    case Group::Inputs:
      return named(*names_.inputs, "input", name, range);
    case Group::Env:
      return named(*names_.env, "variable", name, range);
    case Group::Matrix:
      return named(*names_.matrix, "matrix axis", name, range);
    case Group::Secrets:
      return named(*names_.secrets, "secret", name, range);
    case Group::Needs:
      return need(name, range);
    case Group::Need:
      return need_member(base, name, range);
    case Group::NeedOutputs:
      return need_output(base, name, range);
    case Group::Run:
      return run_member(name, range);
    case Group::Pipeline:
      return pipeline_member(name, range);
  }
  return {};
}

ExpressionChecker::Facts ExpressionChecker::member_of_value(const Facts& base,
                                                            const Value& key,
                                                            TextRange range) {
  if (base.type != ExpressionType::Json) {
    return fail("P0721",
                range,
                fmt::format("{} has no members", with_article(base.type)),
                base.type == ExpressionType::String
                    ? "to read JSON text, write fromJSON(…); an output or input can be of type json"
                    : "");
  }
  Facts facts = unknown(ExpressionType::Json);
  if (base.value) {
    const Value* found = item_of(*base.value, key);
    facts.value = found == nullptr ? Value() : *found;
  }
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::need(std::string_view task, TextRange range) {
  auto answer = std::make_shared<NeedAnswer>(names_.need(task));
  const std::string asking = names_.task.empty() ? "this place" : fmt::format("'{}'", names_.task);
  switch (answer->kind) {
    case NeedAnswer::Kind::Unknown: {
      const std::vector<std::string_view> candidates(answer->candidates.begin(),
                                                     answer->candidates.end());
      return fail("P0713",
                  range,
                  fmt::format("there is no task '{}'", task),
                  suggest_name(task, candidates, "there is no task before this one"));
    }
    case NeedAnswer::Kind::NotAncestor:
      return fail("P0714",
                  range,
                  fmt::format("'{}' is no ancestor of {}", task, asking),
                  task == names_.task
                      ? "a task cannot read its own outputs"
                      : fmt::format("add '{}' to the 'needs:' of {}", task, asking));
    case NeedAnswer::Kind::Ancestor:
      break;
  }
  Facts facts;
  facts.group = Group::Need;
  facts.name = task;
  facts.need = std::move(answer);
  return facts;
}

ExpressionChecker::Facts ExpressionChecker::need_member(const Facts& base,
                                                        std::string_view name,
                                                        TextRange range) {
  if (name == "result") {
    Facts facts = unknown(ExpressionType::String);
    facts.is_result = true;
    return facts;
  }
  if (name == "outputs") {
    Facts facts = base;
    facts.group = Group::NeedOutputs;
    return facts;
  }
  const bool is_output = std::any_of(base.need->outputs.begin(),
                                     base.need->outputs.end(),
                                     [&](const auto& output) { return output.first == name; });
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a task", name),
              is_output ? fmt::format("write needs.{}.outputs.{}", base.name, name)
                        : suggest_name(name, {"outputs", "result"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::need_output(const Facts& base,
                                                        std::string_view name,
                                                        TextRange range) {
  std::vector<std::string_view> candidates;
  for (const auto& [output, type] : base.need->outputs) {
    if (output == name) {
      return unknown(type);
    }
    candidates.push_back(output);
  }
  return fail("P0712",
              range,
              fmt::format("task '{}' has no output '{}'", base.name, name),
              suggest_name(
                  name, candidates, fmt::format("declare it under 'outputs:' of '{}'", base.name)));
}

ExpressionChecker::Facts ExpressionChecker::run_member(std::string_view name, TextRange range) {
  if (name == "id") {
    return unknown(ExpressionType::String);
  }
  if (name == "attempt") {
    return unknown(ExpressionType::Number);
  }
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a run", name),
              suggest_name(name, {"id", "attempt"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::pipeline_member(std::string_view name,
                                                            TextRange range) {
  if (name == "name") {
    return known(Value(*names_.pipeline_name));
  }
  return fail("P0712",
              range,
              fmt::format("there is no '{}' of a pipeline", name),
              suggest_name(name, {"name"}, ""));
}

ExpressionChecker::Facts ExpressionChecker::check_index(const Node& node) {
  const Facts& base = facts_[node.parts[0]];
  const Facts& key = facts_[node.parts[1]];
  const TextRange range = node.name_range;
  if (key.type == ExpressionType::Boolean || key.type == ExpressionType::Null) {
    return fail("P0721",
                range,
                fmt::format("{} is no index", with_article(key.type)),
                "a list's index is a number, a record's is a string");
  }
  if (base.group == Group::None) {
    if (key.value || base.type != ExpressionType::Json) {
      return member_of_value(base, key.value.value_or(Value()), range);
    }
    return unknown(ExpressionType::Json);
  }
  if (!key.value) {
    return fail("P0721",
                range,
                "a name in '[ ]' must be known before the run",
                "write the name itself, or use an input or matrix value");
  }
  return member(base, to_text(*key.value), range);
}

void ExpressionChecker::demand_value(Id id) {
  Facts& facts = facts_[id];
  if (facts.group == Group::None) {
    return;
  }
  const Group group = std::exchange(facts.group, Group::None);
  facts.type = ExpressionType::Json;
  if (group == Group::Need || group == Group::NeedOutputs) {
    return;
  }
  const TextRange range = tree_.nodes[id].range;
  const NameTable* names = group == Group::Secrets ? nullptr : table(group);
  if (names == nullptr) {
    fail("P0723",
         range,
         fmt::format("'{}' is a group of names, not a value", tree_.nodes[id].name),
         "write one of its members");
    return;
  }
  Value::Record record;
  for (const auto& [name, visible] : *names) {
    if (!visible.value) {
      fail("P0723",
           range,
           fmt::format("'{}' as a whole is not known before the run", tree_.nodes[id].name),
           "write one of its members");
      return;
    }
    record.emplace_back(name, *visible.value);
  }
  facts.value = Value(std::move(record));
}

}  // namespace dsl
