#include "dsl/parse_task_parts.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace dsl {
namespace {

Stated<std::int64_t> read_attempts(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 1, 100, findings);
}

/// Of 0 to 100, where 0 switches it off.
Stated<std::int64_t> read_count(YamlValue key, YamlValue value, Findings& findings) {
  return read_integer(key, value, 0, 100, findings);
}

constexpr std::array kFeedback = {Word<bool>{true, "criteria"}, Word<bool>{false, "none"}};

Stated<bool> read_feedback(YamlValue key, YamlValue value, Findings& findings) {
  return read_choice(key, value, kFeedback, findings);
}

constexpr Field<RetrySpec> kRetryFields[] = {
    {"attempts", into<&RetrySpec::attempts, read_attempts>},
    {"backoff", into<&RetrySpec::backoff, read_duration>},
    {"max_backoff", into<&RetrySpec::max_backoff, read_duration>},
    {"feedback", into<&RetrySpec::feedback, read_feedback>},
    {"same_failure", into<&RetrySpec::same_failure, read_count>},
    {"wake_ups", into<&RetrySpec::wake_ups, read_count>},
};
constexpr Record<RetrySpec> kRetry{"retry", kRetryFields};

Text read_output_file(YamlValue key, YamlValue value, Findings& findings) {
  const Text path = read_plain_word(key, value, findings);
  return path && check_path(path, "the path", findings) ? path : Text{};
}

constexpr Field<OutputSpec> kOutputFields[] = {
    {"file", into<&OutputSpec::file, read_output_file>},
    {"type", into<&OutputSpec::type, read_enum<ValueType>>},
};
constexpr Record<OutputSpec> kOutput{"an output", kOutputFields};

/// Paths of a list; `~/` stands for the private home.
void read_cache_paths(YamlValue key, YamlValue value, CacheSpec& cache, Findings& findings) {
  cache.paths = read_texts(key, value, findings).items;
  std::erase_if(cache.paths, [&](const Text& path) {
    Text below = path;
    if (below.value.substr(0, 2) == "~/") {
      below.value.remove_prefix(2);
    }
    return !check_path(below, "the path", findings);
  });
}

/// Patterns of paths in the workspace.
std::vector<Text> read_patterns(YamlValue key, YamlValue value, Findings& findings) {
  std::vector<Text> paths = read_texts(key, value, findings).items;
  std::erase_if(paths, [&](const Text& path) {
    if (path.value.substr(0, 2) == "~/") {
      findings.error(kBadPath,
                     path.span,
                     fmt::format("the artifact {} is not in the workspace", quoted(path.value)),
                     "have the task copy it there; what the next run shall find is a 'cache'");
      return true;
    }
    return !check_path(path, "the path", findings) ||
           !check_path_pattern(
               path, "name what is meant: a pattern for each of its folders", findings);
  });
  return paths;
}

constexpr Field<CacheSpec> kCacheFields[] = {
    {"key", into<&CacheSpec::key, read_word>, Need::Required},
    {"paths", read_cache_paths, Need::Required},
};
constexpr Record<CacheSpec> kCache{"a cache", kCacheFields};

}  // namespace

Stated<AgentContext> read_context(YamlValue key, YamlValue value, Findings& findings) {
  Stated<AgentContext> context{{}, key.span()};
  for (const Text& word : read_texts(key, value, findings).items) {
    if (word.value == "outputs") {
      context.value.outputs = true;
    } else if (word.value == "diff") {
      context.value.diff = true;
    } else {
      report_unknown_word(word, key.text(), {"outputs", "diff"}, findings);
    }
  }
  return context;
}

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
      output.type = read_enum<ValueType>(name, body, findings);
    } else if (body.kind() != YamlValue::Kind::Null) {
      read_record(body, name.span(), kOutput, output, findings);
    }
    outputs.push_back(output);
  });
  return outputs;
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
      if (values.kind() != YamlValue::Kind::List && !has_hole(values)) {
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

void append_task_parts_keys(KnownKeys& known) {
  append_keys(kRetry, "retry", known);
  append_keys(kOutput, "output", known);
  append_keys(kCache, "cache", known);
  append_mount_keys(known);
}

}  // namespace dsl
