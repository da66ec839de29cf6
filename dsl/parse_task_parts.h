#pragma once

// The keys that only tasks have (and, some of them, `defaults:` and step files): retry, outputs,
// artifacts, cache, matrix and small ones. Internal to the parser. Any thread.

#include <vector>

#include "dsl/parse_parts.h"

namespace dsl {

Section<RetrySpec> parse_retry(YamlValue key, YamlValue value, Findings& findings);
std::vector<OutputSpec> parse_outputs(YamlValue key, YamlValue value, Findings& findings);
std::vector<ArtifactSpec> parse_artifacts(YamlValue key, YamlValue value, Findings& findings);
/// `cache: false` says that the task's result is never reused; else the folders that it keeps.
void read_cache(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings);
Section<MatrixSpec> parse_matrix(YamlValue key, YamlValue value, Findings& findings);
/// A name, or a list that the script is added to.
void read_shell(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings);
void read_with(YamlValue key, YamlValue value, TaskSpec& task, Findings& findings);
StatedList<Text> read_needs(YamlValue key, YamlValue value, Findings& findings);
/// What an agent is told of the work before it.
Stated<AgentContext> read_context(YamlValue key, YamlValue value, Findings& findings);
Text read_directory(YamlValue key, YamlValue value, Findings& findings);

StatedList<MountSpec> parse_mounts(YamlValue key, YamlValue value, Findings& findings);

void append_task_parts_keys(KnownKeys& known);
void append_mount_keys(KnownKeys& known);

}  // namespace dsl
