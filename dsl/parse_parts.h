#pragma once

// The parts of specs that several records share; each is read by a function that a table of
// fields.h can hold. Internal to the parser. Any thread.

#include <string_view>
#include <utility>
#include <vector>

#include "dsl/fields.h"
#include "dsl/spec.h"

namespace dsl {

using KnownKeys = std::vector<std::pair<std::string_view, std::vector<std::string_view>>>;

template <class Target>
void append_keys(const Record<Target>& record, std::string_view name, KnownKeys& known) {
  auto& [_, keys] = known.emplace_back(name, std::vector<std::string_view>());
  for (const auto& field : record.fields) {
    keys.push_back(field.key);
  }
}

// For tables: "read this member with that reader".
template <auto member, auto reader>
inline constexpr auto into = [](YamlValue key, YamlValue value, auto& target, Findings& findings) {
  target.*member = reader(key, value, findings);
};

CommandSpec parse_command(YamlValue key, YamlValue value, Findings& findings);
std::vector<NamedText> parse_env(YamlValue key, YamlValue value, Findings& findings);
Section<ImageSpec> parse_image(YamlValue key, YamlValue value, Findings& findings);
Section<ResourcesSpec> parse_resources(YamlValue key, YamlValue value, Findings& findings);
StatedList<Text> parse_paths(YamlValue key, YamlValue value, Findings& findings);
std::vector<ServiceSpec> parse_service_map(YamlValue key, YamlValue value, Findings& findings);
Section<ServicesSpec> parse_services(YamlValue key, YamlValue value, Findings& findings);
Section<WorkspaceSpec> parse_task_workspace(YamlValue key, YamlValue value, Findings& findings);
Section<WorkspaceSpec> parse_pipeline_workspace(YamlValue key, YamlValue value, Findings& findings);

// parse_limits.cpp
Section<BudgetSpec> parse_budget(YamlValue key, YamlValue value, Findings& findings);
Section<BudgetSpec> parse_pipeline_budget(YamlValue key, YamlValue value, Findings& findings);
Section<FirewallSpec> parse_firewall(YamlValue key, YamlValue value, Findings& findings);
Section<StatedList<SecretSpec>> parse_secrets(YamlValue key, YamlValue value, Findings& findings);
Section<PermissionsSpec> parse_permissions(YamlValue key, YamlValue value, Findings& findings);

// parse_git.cpp
Section<GitSpec> parse_git(YamlValue key, YamlValue value, Findings& findings);

// parse_criteria.cpp
StatedList<CriterionSpec> parse_criteria(YamlValue key, YamlValue value, Findings& findings);

// prices.cpp
/// `prices:` of a pipeline, which has the form of the library's `models`.
std::vector<PricedModel> read_prices(YamlValue key, YamlValue map, Findings& findings);

// parse_agent.cpp
Section<AgentSpec> parse_agent(YamlValue key, YamlValue value, Findings& findings);

// parse_task.cpp
std::vector<TaskSpec> parse_tasks(YamlValue key, YamlValue value, Findings& findings);
TaskSpec parse_defaults(YamlValue key, YamlValue value, Findings& findings);

// parse_inputs.cpp
std::vector<InputSpec> parse_inputs(YamlValue key, YamlValue value, Findings& findings);

void append_parts_keys(KnownKeys& known);
void append_limits_keys(KnownKeys& known);
void append_git_keys(KnownKeys& known);
void append_criteria_keys(KnownKeys& known);
void append_agent_keys(KnownKeys& known);
void append_prices_keys(KnownKeys& known);
void append_task_keys(KnownKeys& known);
void append_step_keys(KnownKeys& known);
void append_inputs_keys(KnownKeys& known);

}  // namespace dsl
