// Tasks, `defaults:` and the part of a task that a step file holds.

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "dsl/parse.h"
#include "dsl/parse_task_parts.h"

namespace dsl {
namespace {

// One row for each key; a table names the rows that its record knows.
constexpr Field<TaskSpec> kDescription{"description", into<&TaskSpec::description, read_word>};
constexpr Field<TaskSpec> kNeeds{"needs", into<&TaskSpec::needs, read_needs>};
constexpr Field<TaskSpec> kMerge{"merge", into<&TaskSpec::merge, read_needs>};
constexpr Field<TaskSpec> kIf{"if", into<&TaskSpec::condition, read_word>};
constexpr Field<TaskSpec> kRun{"run", into<&TaskSpec::run, parse_command>};
constexpr Field<TaskSpec> kUses{"uses", into<&TaskSpec::uses, read_word>};
constexpr Field<TaskSpec> kWith{"with", read_with};
constexpr Field<TaskSpec> kApproval{"approval", into<&TaskSpec::approval, read_word>};
constexpr Field<TaskSpec> kShell{"shell", read_shell};
constexpr Field<TaskSpec> kEnv{"env", into<&TaskSpec::env, parse_env>};
constexpr Field<TaskSpec> kDirectory{"working_directory",
                                     into<&TaskSpec::working_directory, read_directory>};
constexpr Field<TaskSpec> kImage{"image", into<&TaskSpec::image, parse_image>};
constexpr Field<TaskSpec> kEngine{"engine", into<&TaskSpec::engine, read_enum<EngineName>>};
constexpr Field<TaskSpec> kResources{"resources", into<&TaskSpec::resources, parse_resources>};
constexpr Field<TaskSpec> kUser{"user", into<&TaskSpec::user, read_word>};
constexpr Field<TaskSpec> kRuntime{"runtime", into<&TaskSpec::runtime, read_word>};
constexpr Field<TaskSpec> kMountsKey{"mounts", into<&TaskSpec::mounts, parse_mounts>};
constexpr Field<TaskSpec> kSetup{"setup", into<&TaskSpec::setup, read_plain_word>};
constexpr Field<TaskSpec> kTimeout{"timeout", into<&TaskSpec::timeout, read_duration>};
constexpr Field<TaskSpec> kIdleTimeout{"idle_timeout",
                                       into<&TaskSpec::idle_timeout, read_duration>};
constexpr Field<TaskSpec> kAgent{"agent", into<&TaskSpec::agent, parse_agent>};
constexpr Field<TaskSpec> kContext{"context", into<&TaskSpec::context, read_context>};
constexpr Field<TaskSpec> kRetryKey{"retry", into<&TaskSpec::retry, parse_retry>};
constexpr Field<TaskSpec> kPool{"pool", into<&TaskSpec::pool, read_plain_word>};
constexpr Field<TaskSpec> kAllowFailure{"allow_failure", into<&TaskSpec::allow_failure, read_flag>};
constexpr Field<TaskSpec> kExpect{"expect", into<&TaskSpec::expect, read_duration>};
constexpr Field<TaskSpec> kMatrix{"matrix", into<&TaskSpec::matrix, parse_matrix>};
constexpr Field<TaskSpec> kForEach{"for_each", into<&TaskSpec::for_each, read_word>};
constexpr Field<TaskSpec> kOutputs{"outputs", into<&TaskSpec::outputs, parse_outputs>};
constexpr Field<TaskSpec> kArtifacts{"artifacts", into<&TaskSpec::artifacts, parse_artifacts>};
constexpr Field<TaskSpec> kCacheKey{"cache", read_cache};
constexpr Field<TaskSpec> kServices{"services", into<&TaskSpec::services, parse_services>};
constexpr Field<TaskSpec> kCriteria{"success_criteria", into<&TaskSpec::criteria, parse_criteria>};
constexpr Field<TaskSpec> kBudget{"budget", into<&TaskSpec::budget, parse_budget>};
constexpr Field<TaskSpec> kFirewall{"firewall", into<&TaskSpec::firewall, parse_firewall>};
constexpr Field<TaskSpec> kSecrets{"secrets", into<&TaskSpec::secrets, parse_secrets>};
constexpr Field<TaskSpec> kPermissions{"permissions",
                                       into<&TaskSpec::permissions, parse_permissions>};
constexpr Field<TaskSpec> kDockerKey{"docker", into<&TaskSpec::docker, read_enum<DockerAccess>>};
constexpr Field<TaskSpec> kWorkspace{"workspace", into<&TaskSpec::workspace, parse_task_workspace>};

constexpr Field<TaskSpec> kTaskFields[] = {
    kRun,      kNeeds,   kCriteria,    kDescription, kIf,        kUses,         kWith,
    kApproval, kShell,   kEnv,         kDirectory,   kImage,     kEngine,       kResources,
    kUser,     kRuntime, kTimeout,     kRetryKey,    kPool,      kAllowFailure, kExpect,
    kMatrix,   kForEach, kOutputs,     kArtifacts,   kCacheKey,  kServices,     kBudget,
    kFirewall, kSecrets, kPermissions, kDockerKey,   kWorkspace, kIdleTimeout,  kMountsKey,
    kSetup,    kMerge,   kContext,
};
constexpr Record<TaskSpec> kTask{"a task", kTaskFields};

constexpr Field<TaskSpec> kDefaultsFields[] = {
    kShell,   kEnv,         kDirectory, kImage,        kEngine,      kResources, kUser,   kRuntime,
    kTimeout, kRetryKey,    kPool,      kAllowFailure, kExpect,      kCacheKey,  kBudget, kFirewall,
    kSecrets, kPermissions, kDockerKey, kWorkspace,    kIdleTimeout, kMountsKey, kSetup,  kContext,
};
constexpr Record<TaskSpec> kDefaults{"defaults", kDefaultsFields};

constexpr Field<StepSpec> kStepOwnFields[] = {
    {"name", into<&StepSpec::name, read_word>},
    {"inputs", into<&StepSpec::inputs, parse_inputs>},
};

/// A key of a task that a step file may hold too.
template <const Field<TaskSpec>& field>
void read_in_step(YamlValue key, YamlValue value, StepSpec& step, Findings& findings) {
  field.read(key, value, step.body, findings);
}
template <const Field<TaskSpec>& field>
constexpr Field<StepSpec> in_step{field.key, read_in_step<field>};

constexpr Field<StepSpec> kStepFields[] = {
    kStepOwnFields[0],      kStepOwnFields[1],     in_step<kDescription>, in_step<kRun>,
    in_step<kUses>,         in_step<kWith>,        in_step<kShell>,       in_step<kEnv>,
    in_step<kDirectory>,    in_step<kImage>,       in_step<kEngine>,      in_step<kResources>,
    in_step<kUser>,         in_step<kRuntime>,     in_step<kTimeout>,     in_step<kRetryKey>,
    in_step<kAllowFailure>, in_step<kExpect>,      in_step<kOutputs>,     in_step<kArtifacts>,
    in_step<kCacheKey>,     in_step<kCriteria>,    in_step<kBudget>,      in_step<kFirewall>,
    in_step<kSecrets>,      in_step<kPermissions>, in_step<kDockerKey>,   in_step<kWorkspace>,
    in_step<kIdleTimeout>,  in_step<kAgent>,       in_step<kMountsKey>,   in_step<kSetup>,
};
constexpr Record<StepSpec> kStep{"a step file", kStepFields};

void check_work(const TaskSpec& task, std::string_view what, Findings& findings) {
  const std::pair<std::string_view, Span> ways[] = {
      {"run", task.run.script ? task.run.script.span : task.run.argv.span},
      {"uses", task.uses.span},
      {"approval", task.approval.span}};
  const std::pair<std::string_view, Span>* first = nullptr;
  for (const auto& way : ways) {
    if (way.second.end == 0) {
      continue;
    }
    if (first != nullptr) {
      findings.error(kExclusiveKeys,
                     way.second,
                     fmt::format("{} has '{}' beside '{}'", what, way.first, first->first),
                     "keep one of the two; a second command is a task of its own",
                     {{first->second, fmt::format("'{}' stands here", first->first)}});
      return;
    }
    first = &way;
  }
  if (!task.with.empty() && !task.uses) {
    findings.error(kUselessKey,
                   task.with.front().first.span,
                   "'with' gives inputs to a step, and there is no 'uses'",
                   "add 'uses:', or pass the value through 'env:'");
  }
}

/// What a task merges, it needs.
void take_merge(TaskSpec& task, Findings& findings) {
  if (!task.merge) {
    return;
  }
  const std::tuple<std::string_view, Span, std::string_view> others[] = {
      {"needs", task.needs.span, "remove 'needs': what a task merges it needs"},
      {"approval", task.approval.span, "make the approval another task that needs this one"},
      {"matrix",
       task.matrix != nullptr ? task.matrix->span : Span{},
       "what is merged is merged once; make the matrix another task that needs this one"},
      {"for_each",
       task.for_each.span,
       "what is merged is merged once; make the instances another task that needs this one"}};
  for (const auto& [key, span, remedy] : others) {
    if (span.end != 0) {
      findings.error(kExclusiveKeys,
                     span,
                     fmt::format("a task has '{}' beside 'merge'", key),
                     std::string(remedy),
                     {{task.merge.span, "'merge' stands here"}});
      return;
    }
  }
  if (task.merge.items.empty()) {
    findings.error(kEmptyValue,
                   task.merge.span,
                   "there is nothing to merge",
                   "name the tasks whose work meets here");
    return;
  }
  task.needs = task.merge;
}

/// Has the map one of these keys, however wrong its value is?
template <std::size_t size>
bool has_any_key(YamlValue map, const std::array<std::string_view, size>& names) {
  bool found = false;
  map.each_entry([&](YamlValue key, YamlValue /*value*/) {
    found = found || std::find(names.begin(), names.end(), key.text()) != names.end();
  });
  return found;
}

/// Words of other tools for the command: they were reported, "does nothing" would be a second
/// message for the same mistake.
constexpr std::array<std::string_view, 11> kWorkKeys{"run",
                                                     "uses",
                                                     "approval",
                                                     "script",
                                                     "steps",
                                                     "command",
                                                     "commands",
                                                     "cmd",
                                                     "scripts",
                                                     "exec",
                                                     "sh"};

}  // namespace

std::vector<TaskSpec> parse_tasks(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<TaskSpec> tasks;
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of tasks",
                      "write NAME: {run: COMMAND}, one task a name",
                      findings);
    return tasks;
  }
  tasks.reserve(value.size());
  value.each_entry([&](YamlValue name, YamlValue body) {
    TaskSpec& task = tasks.emplace_back();
    task.name = {name.text(), name.span()};
    check_name(task.name, "a task", findings);
    if (body.kind() == YamlValue::Kind::Scalar || body.kind() == YamlValue::Kind::List) {
      const bool is_text = body.kind() == YamlValue::Kind::Scalar;
      report_wrong_kind(body,
                        fmt::format("the task {}", quoted(name.text())),
                        "a map",
                        fmt::format("write {}: {{run: {}}}",
                                    visible(name.text()),
                                    is_text ? visible(body.text()) : "COMMAND"),
                        findings);
      return;
    }
    if (body.kind() == YamlValue::Kind::Null) {
      findings.error(kEmptyValue,
                     name.span(),
                     fmt::format("the task {} is empty", quoted(name.text())),
                     "add 'run:' with a command below it, or check the indentation");
      return;
    }
    if (!read_record(body, name.span(), kTask, task, findings)) {
      return;
    }
    if (!has_any_key(body, kWorkKeys)) {
      findings.error(
          kMissingKey,
          name.span(),
          fmt::format("the task {} does nothing", quoted(name.text())),
          "add 'run:' with a command, 'uses:' with a step, or 'approval:' with a question");
    }
    check_work(task, "a task", findings);
    take_merge(task, findings);
  });
  return tasks;
}

TaskSpec parse_defaults(YamlValue key, YamlValue value, Findings& findings) {
  TaskSpec defaults;
  read_record(value, key.span(), kDefaults, defaults, findings);
  return defaults;
}

StepSpec parse_step(YamlValue root, std::string_view path, Findings& findings) {
  StepSpec step;
  step.path = path;
  if (!read_record(root, root.span(), kStep, step, findings)) {
    return step;
  }
  if (!has_any_key(root, kWorkKeys)) {
    findings.error(kMissingKey,
                   root.span(),
                   "the step does nothing",
                   "add 'run:' with a command, or 'uses:' with another step");
  }
  check_work(step.body, "a step", findings);
  return step;
}

void append_task_keys(KnownKeys& known) {
  append_keys(kTask, "task", known);
  append_keys(kDefaults, "defaults", known);
  append_task_parts_keys(known);
}

void append_step_keys(KnownKeys& known) {
  append_keys(kStep, "step", known);
}

}  // namespace dsl
