// Tasks, `defaults:` and the part of a task that a step file holds.

#include <algorithm>

#include <fmt/format.h>

#include "dsl/parse.h"
#include "dsl/parse_parts.h"

namespace dsl {
namespace {

// ---- small parts -----------------------------------------------------------------------------

Stated<std::int64_t> read_attempts(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 100, findings);
}

constexpr std::array<Choice<bool>, 2> kFeedback{{{"criteria", true}, {"none", false}}};

Stated<bool> read_feedback(YamlValue key, YamlValue value, Findings& findings) {
  return read_choice(key, value, kFeedback, findings);
}

constexpr Field<RetrySpec> kRetryFields[] = {
    {"attempts", into<&RetrySpec::attempts, read_attempts>},
    {"backoff", into<&RetrySpec::backoff, read_duration>},
    {"max_backoff", into<&RetrySpec::max_backoff, read_duration>},
    {"feedback", into<&RetrySpec::feedback, read_feedback>},
};
constexpr Record<RetrySpec> kRetry{"retry", kRetryFields};

Section<RetrySpec> parse_retry(YamlValue key, YamlValue value, Findings& findings) {
  if (value.integer()) {
    report_wrong_kind(value,
                      "'retry'",
                      "a map",
                      fmt::format("write retry: {{attempts: {}}}, which counts the first one too",
                                  *value.integer() + 1),
                      findings);
    return nullptr;
  }
  auto retry = std::make_unique<RetrySpec>();
  if (!read_record(value, key.span(), kRetry, *retry, findings)) {
    return nullptr;
  }
  if (retry->max_backoff && retry->max_backoff.value < retry->backoff.value) {
    findings.error(kOutOfRange,
                   retry->max_backoff.span,
                   fmt::format("'max_backoff' ({}) is less than 'backoff' ({})",
                               to_text(retry->max_backoff.value),
                               to_text(retry->backoff.value)),
                   "make it larger, or remove it",
                   {{retry->backoff.span, "'backoff' stands here"}});
  }
  return retry;
}

constexpr std::array<Choice<ValueType>, 4> kTypes{{{"string", ValueType::String},
                                                   {"number", ValueType::Number},
                                                   {"boolean", ValueType::Boolean},
                                                   {"json", ValueType::Json}}};

Stated<ValueType> read_type(YamlValue key, YamlValue value, Findings& findings) {
  return read_choice(key, value, kTypes, findings);
}

Text read_output_file(YamlValue key, YamlValue value, Findings& findings) {
  const Text path = read_plain_word(key, value, findings);
  return path && check_path(path, "the path", findings) ? path : Text{};
}

constexpr Field<OutputSpec> kOutputFields[] = {
    {"file", into<&OutputSpec::file, read_output_file>},
    {"type", into<&OutputSpec::type, read_type>},
};
constexpr Record<OutputSpec> kOutput{"an output", kOutputFields};

std::vector<OutputSpec> parse_outputs(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<OutputSpec> outputs;
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of outputs",
                      "write NAME: string, or NAME: {file: path, type: json}",
                      findings);
    return outputs;
  }
  value.each_entry([&](YamlValue name, YamlValue body) {
    OutputSpec output;
    output.name = {name.text(), name.span()};
    check_name(output.name, "an output", findings);
    if (body.kind() == YamlValue::Kind::Scalar) {
      output.type = read_type(name, body, findings);
    } else if (body.kind() != YamlValue::Kind::Null) {
      read_record(body, name.span(), kOutput, output, findings);
    }
    outputs.push_back(output);
  });
  return outputs;
}

/// Paths of a list; patterns may hold `*`, and `~/` stands for the private home.
std::vector<Text> read_patterns(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<Text> paths = read_texts(key, value, findings).items;
  std::erase_if(paths, [&](const Text& path) {
    Text below = path;
    if (below.value.substr(0, 2) == "~/") {
      below.value.remove_prefix(2);
    }
    return !check_path(below, "the path", findings);
  });
  return paths;
}

std::vector<ArtifactSpec> parse_artifacts(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<ArtifactSpec> artifacts;
  if (value.kind() != YamlValue::Kind::Map) {
    artifacts.push_back({{}, read_patterns(key, value, findings)});
    return artifacts;
  }
  value.each_entry([&](YamlValue name, YamlValue paths) {
    ArtifactSpec artifact{{name.text(), name.span()}, read_patterns(name, paths, findings)};
    check_name(artifact.name, "an artifact", findings);
    artifacts.push_back(std::move(artifact));
  });
  return artifacts;
}

void read_cache_paths(YamlValue key, YamlValue value, CacheSpec& cache, Findings& findings) {
  cache.paths = read_patterns(key, value, findings);
}

constexpr Field<CacheSpec> kCacheFields[] = {
    {"key", into<&CacheSpec::key, read_word>, Need::Required},
    {"paths", read_cache_paths, Need::Required},
};
constexpr Record<CacheSpec> kCache{"a cache", kCacheFields};

void read_cache(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings) {
  if (const auto flag = value.boolean()) {
    if (*flag) {
      findings.error(kUselessKey,
                     value.span(),
                     "'cache: true' says nothing, results are reused unless 'cache: false'",
                     "remove it, or write cache: {key: …, paths: […]}");
    }
    task.reuse = {*flag, value.span()};
    return;
  }
  task.caches.span = key.span();
  const auto add = [&](YamlValue map) {
    CacheSpec cache;
    if (read_record(map, key.span(), kCache, cache, findings)) {
      task.caches.items.push_back(std::move(cache));
    }
  };
  if (value.kind() == YamlValue::Kind::List) {
    value.each_item(add);
  } else {
    add(value);
  }
}

Section<MatrixSpec> parse_matrix(YamlValue key, YamlValue value, Findings& findings) {
  auto matrix = std::make_unique<MatrixSpec>();
  matrix->span = key.span();
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(
        value, "'matrix'", "a map of axes", "write matrix: {os: [linux, mac]}", findings);
    return nullptr;
  }
  const auto read_rows = [&](YamlValue name, YamlValue rows, std::vector<YamlValue>& out) {
    if (rows.kind() != YamlValue::Kind::List) {
      report_wrong_kind(
          rows, quoted(name.text()), "a list of maps", "write - {axis: value}", findings);
      return;
    }
    rows.each_item([&](YamlValue row) {
      if (row.kind() == YamlValue::Kind::Map && row.size() != 0) {
        out.push_back(row);
      } else {
        report_wrong_kind(row,
                          fmt::format("each item of {}", quoted(name.text())),
                          "a map with a value for an axis",
                          "write - {axis: value}",
                          findings);
      }
    });
  };
  value.each_entry([&](YamlValue name, YamlValue values) {
    if (name.text() == "include") {
      read_rows(name, values, matrix->include);
    } else if (name.text() == "exclude") {
      read_rows(name, values, matrix->exclude);
    } else {
      const Text axis{name.text(), name.span()};
      const bool is_expression = values.kind() == YamlValue::Kind::Scalar &&
                                 values.text().find("${{") != std::string_view::npos;
      if (values.kind() != YamlValue::Kind::List && !is_expression) {
        report_wrong_kind(values,
                          fmt::format("the axis {}", quoted(name.text())),
                          "a list of values",
                          fmt::format("write {}: [a, b]", visible(name.text())),
                          findings);
      } else if (check_name(axis, "an axis", findings)) {
        matrix->axes.push_back({axis, values});
      }
    }
  });
  return matrix;
}

constexpr std::array<Choice<DockerAccess>, 4> kDocker{{{"none", DockerAccess::None},
                                                       {"broker", DockerAccess::Broker},
                                                       {"socket", DockerAccess::Socket},
                                                       {"dind", DockerAccess::Dind}}};

Stated<DockerAccess> read_docker(YamlValue key, YamlValue value, Findings& findings) {
  return read_choice(key, value, kDocker, findings);
}

void read_shell(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings) {
  if (value.kind() == YamlValue::Kind::List) {
    task.shell_argv = read_texts(key, value, findings);
    return;
  }
  task.shell = read_word(key, value, findings);
  if (task.shell && task.shell.value != "sh" && task.shell.value != "bash") {
    findings.error(kUnknownWord,
                   task.shell.span,
                   fmt::format("'shell' cannot be {}", quoted(task.shell.value)),
                   fmt::format("write sh, bash, or a list that the script is added to: "
                               "[{}, -c]",
                               visible(task.shell.value)));
    task.shell = {};
  }
}

void read_with(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings) {
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value, quoted(key.text()), "a map of inputs", "write NAME: value", findings);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue given) {
    task.with.emplace_back(Text{name.text(), name.span()}, given);
  });
}

StatedList<Text> read_needs(YamlValue key, YamlValue value, Findings& findings) {
  return read_texts(key, value, findings);
}

Text read_directory(YamlValue key, YamlValue value, Findings& findings) {
  const Text path = read_word(key, value, findings);
  return path && check_path(path, "the folder", findings) ? path : Text{};
}

// ---- tables ----------------------------------------------------------------------------------

// One row for each key; a table names the rows that its record knows.
constexpr Field<TaskSpec> kDescription{"description", into<&TaskSpec::description, read_word>};
constexpr Field<TaskSpec> kNeeds{"needs", into<&TaskSpec::needs, read_needs>};
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
constexpr Field<TaskSpec> kEngine{"engine", into<&TaskSpec::engine, parse_engine>};
constexpr Field<TaskSpec> kResources{"resources", into<&TaskSpec::resources, parse_resources>};
constexpr Field<TaskSpec> kUser{"user", into<&TaskSpec::user, read_word>};
constexpr Field<TaskSpec> kRuntime{"runtime", into<&TaskSpec::runtime, read_word>};
constexpr Field<TaskSpec> kTimeout{"timeout", into<&TaskSpec::timeout, read_duration>};
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
constexpr Field<TaskSpec> kDockerKey{"docker", into<&TaskSpec::docker, read_docker>};
constexpr Field<TaskSpec> kWorkspace{"workspace", into<&TaskSpec::workspace, parse_task_workspace>};

constexpr Field<TaskSpec> kTaskFields[] = {
    kRun,      kNeeds,   kCriteria,    kDescription, kIf,        kUses,         kWith,
    kApproval, kShell,   kEnv,         kDirectory,   kImage,     kEngine,       kResources,
    kUser,     kRuntime, kTimeout,     kRetryKey,    kPool,      kAllowFailure, kExpect,
    kMatrix,   kForEach, kOutputs,     kArtifacts,   kCacheKey,  kServices,     kBudget,
    kFirewall, kSecrets, kPermissions, kDockerKey,   kWorkspace,
};
constexpr Record<TaskSpec> kTask{"a task", kTaskFields};

constexpr Field<TaskSpec> kDefaultsFields[] = {
    kShell,   kEnv,      kDirectory, kImage,       kEngine,       kResources, kUser,
    kRuntime, kTimeout,  kRetryKey,  kPool,        kAllowFailure, kExpect,    kCacheKey,
    kBudget,  kFirewall, kSecrets,   kPermissions, kDockerKey,    kWorkspace,
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
  append_keys(kRetry, "retry", known);
  append_keys(kOutput, "output", known);
  append_keys(kCache, "cache", known);
}

void append_step_keys(KnownKeys& known) {
  append_keys(kStep, "step", known);
}

}  // namespace dsl
