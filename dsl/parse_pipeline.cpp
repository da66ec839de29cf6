// The top of a pipeline file, and its phases.

#include <fmt/format.h>

#include "dsl/parse.h"
#include "dsl/parse_parts.h"

namespace dsl {
namespace {

/// A pipeline and what is needed to read it.
struct Reading {
  PipelineSpec pipeline;
  Span phases{};  // of the keys 'phases' and 'tasks'
  Span tasks{};
};

template <auto member, auto reader>
constexpr auto into_pipeline =
    [](YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
      reading.pipeline.*member = reader(key, value, findings);
    };

template <auto member, auto reader>
constexpr auto into_common =
    [](YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
      reading.pipeline.common.*member = reader(key, value, findings);
    };

void read_version(YamlValue key, YamlValue value, Reading& /*reading*/, Findings& findings) {
  const auto version = value.integer();
  if (version == 1) {
    return;
  }
  if (version && *version > 1) {
    findings.error(
        kBadVersion,
        value.span(),
        fmt::format("version {} is newer than this program, which knows version 1", *version),
        "update pipe, or write 'version: 1'");
    return;
  }
  findings.error(kBadVersion,
                 value.kind() == YamlValue::Kind::Null ? key.span() : value.span(),
                 "'version' is the version of the language, and that is the number 1",
                 "write 'version: 1'");
}

// ---- phases ----------------------------------------------------------------------------------

constexpr Field<PhaseSpec> kPhaseFields[] = {
    {"description", into<&PhaseSpec::description, read_plain_word>},
    {"needs", into<&PhaseSpec::needs, read_texts>},
    {"tasks", into<&PhaseSpec::tasks, parse_tasks>, Need::Required},
    {"success_criteria", into<&PhaseSpec::criteria, parse_criteria>},
    {"budget",
     [](YamlValue key, YamlValue value, PhaseSpec& phase, Findings& findings) {
       phase.common.budget = parse_budget(key, value, findings);
     }},
    {"env",
     [](YamlValue key, YamlValue value, PhaseSpec& phase, Findings& findings) {
       phase.common.env = parse_env(key, value, findings);
     }},
};
constexpr Record<PhaseSpec> kPhase{"a phase", kPhaseFields};

void read_phases(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  reading.phases = key.span();
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      "'phases'",
                      "a map of phases",
                      "write NAME: {tasks: {…}}, one phase a name",
                      findings);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue body) {
    PhaseSpec phase;
    phase.name = {name.text(), name.span()};
    check_name(phase.name, "a phase", findings);
    if (read_record(body, name.span(), kPhase, phase, findings)) {
      reading.pipeline.phases.push_back(std::move(phase));
    }
  });
  if (value.size() == 0) {
    findings.error(kNoTasks, key.span(), "there are no phases", "add a phase with a task");
  }
}

void read_tasks(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  reading.tasks = key.span();
  PhaseSpec phase;
  phase.name = {"main", key.span()};
  phase.tasks = parse_tasks(key, value, findings);
  if (value.kind() == YamlValue::Kind::Map && value.size() == 0) {
    findings.error(kNoTasks, key.span(), "there are no tasks", "add a task: NAME: {run: COMMAND}");
  }
  reading.pipeline.phases.push_back(std::move(phase));
}

Text read_learnings(YamlValue key, YamlValue value, Findings& findings) {
  const Text path = read_plain_word(key, value, findings);
  return path && check_path(path, "the path", findings) ? path : Text{};
}

void read_pools(YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
  if (value.kind() != YamlValue::Kind::Map) {
    report_wrong_kind(value,
                      quoted(key.text()),
                      "a map of pools",
                      "write NAME: 2, how many of its tasks run at once",
                      findings);
    return;
  }
  value.each_entry([&](YamlValue name, YamlValue size) {
    const Text pool{name.text(), name.span()};
    check_name(pool, "a pool", findings);
    reading.pipeline.pools.emplace_back(pool, read_integer(name, size, 1, 100'000, findings));
  });
}

constexpr Field<Reading> kPipelineFields[] = {
    {"version", read_version, Need::Required},
    {"name", into_pipeline<&PipelineSpec::name, read_word>, Need::Required},
    {"description", into_pipeline<&PipelineSpec::description, read_plain_word>},
    {"inputs", into_pipeline<&PipelineSpec::inputs, parse_inputs>},
    {"image", into_common<&TaskSpec::image, parse_image>},
    {"engine", into_common<&TaskSpec::engine, read_enum<EngineName>>},
    {"resources", into_common<&TaskSpec::resources, parse_resources>},
    {"workspace", into_common<&TaskSpec::workspace, parse_pipeline_workspace>},
    {"secrets", into_common<&TaskSpec::secrets, parse_secrets>},
    {"env_file", into_pipeline<&PipelineSpec::env_files, read_texts>},
    {"budget", into_common<&TaskSpec::budget, parse_pipeline_budget>},
    {"prices",
     [](YamlValue key, YamlValue value, Reading& reading, Findings& findings) {
       reading.pipeline.prices = read_prices(key, value, findings);
     }},
    {"firewall", into_common<&TaskSpec::firewall, parse_firewall>},
    {"env", into_common<&TaskSpec::env, parse_env>},
    {"defaults", into_pipeline<&PipelineSpec::defaults, parse_defaults>},
    {"pools", read_pools},
    {"services", into_pipeline<&PipelineSpec::services, parse_service_map>},
    {"phases", read_phases},
    {"tasks", read_tasks},
    {"git", into_pipeline<&PipelineSpec::git, parse_git>},
    {"learnings", into_pipeline<&PipelineSpec::learnings, read_learnings>},
    {"require_approval", into_pipeline<&PipelineSpec::require_approval, read_flag>},
};
constexpr Record<Reading> kPipeline{"a pipeline", kPipelineFields};

/// `jobs:` and its like were reported; "no tasks" would be a second message for the same mistake.
bool has_foreign_tasks(YamlValue root) {
  bool found = false;
  root.each_entry([&](YamlValue key, YamlValue /*value*/) {
    const std::string_view word = key.text();
    found = found || word == "jobs" || word == "job" || word == "stages" || word == "steps" ||
            word == "task" || word == "phase";
  });
  return found;
}

}  // namespace

PipelineSpec parse_pipeline(YamlValue root, Findings& findings) {
  Reading reading;
  const Span start{root.span().source, 0, 1};
  if (!read_record(root, start, kPipeline, reading, findings)) {
    return {};
  }
  if (reading.pipeline.name) {
    check_name(reading.pipeline.name, "a pipeline", findings);
  }
  const bool has_phases = reading.phases.end != 0;
  const bool has_tasks = reading.tasks.end != 0;
  if (has_phases && has_tasks) {
    findings.error(kExclusiveKeys,
                   reading.tasks,
                   "'tasks' at the top beside 'phases'",
                   "put the tasks into a phase",
                   {{reading.phases, "'phases' stands here"}});
  } else if (!has_phases && !has_tasks && !has_foreign_tasks(root)) {
    findings.error(kNoTasks,
                   start,
                   "a pipeline without tasks",
                   "add tasks: {NAME: {run: COMMAND}}, or 'phases:' with tasks");
  }
  return std::move(reading.pipeline);
}

std::vector<std::pair<std::string_view, std::vector<std::string_view>>> known_keys() {
  KnownKeys known;
  append_keys(kPipeline, "pipeline", known);
  append_keys(kPhase, "phase", known);
  append_task_keys(known);
  append_step_keys(known);
  append_inputs_keys(known);
  append_parts_keys(known);
  append_limits_keys(known);
  append_git_keys(known);
  append_criteria_keys(known);
  append_agent_keys(known);
  append_prices_keys(known);
  return known;
}

}  // namespace dsl
