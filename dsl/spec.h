#pragma once

// What a pipeline or step file says, with the place of everything, before anything is looked up,
// defaulted or computed. Texts are views into the file (or its YamlDocument), which must outlive
// the spec. Any thread; plain data.

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "dsl/plan.h"
#include "dsl/source.h"
#include "dsl/units.h"
#include "dsl/yaml.h"

namespace dsl {

/// Something the file may say. Absent: false, and `value` is the type's own default.
template <class T>
struct Stated {
  T value{};
  Span span{};  // of the value; empty when absent

  explicit operator bool() const { return span.end != 0; }
};

using Text = Stated<std::string_view>;

/// A list that may be absent, which is not the same as empty (`needs: []`).
template <class T>
struct StatedList {
  std::vector<T> items;
  Span span{};  // of the key; empty when absent

  explicit operator bool() const { return span.end != 0; }
};

/// A group of keys that few tasks have; null when absent.
template <class T>
using Section = std::unique_ptr<T>;

struct NamedText {
  Text name;
  Text value;
};

/// `run:`: a script for a shell, or a list of arguments that no shell sees.
struct CommandSpec {
  Text script;
  StatedList<Text> argv;

  explicit operator bool() const { return script || argv; }
};

struct ImageSpec {
  Image::Kind kind = Image::Kind::Host;
  Text reference;
  Text context;
  Span span{};
};

struct ResourcesSpec {
  Stated<Cpus> cpus;
  Stated<Bytes> memory;
  Stated<std::int64_t> pids;
  Stated<Bytes> disk;
};

struct WorkspaceSpec {
  Text source;
  Stated<Workspace::Mode> mode;
  StatedList<Text> protect;
  Stated<Flagged> flagged;
};

struct BudgetSpec {
  Stated<Money> cost;
  Stated<Duration> time;
  Stated<std::int64_t> turns;
  Stated<Tokens> tokens;
  Stated<Money> cost_per_day;
};

struct FirewallSpec {
  Stated<Firewall::Mode> mode;
  StatedList<Text> allow;
  StatedList<Text> allow_private;
};

struct SecretSpec {
  Text name;
  StatedList<Text> command;
  Text file;
  Stated<Duration> expires;
  Stated<Secret::Expose> expose;
  StatedList<Text> hosts;
  Text header;
};

struct PermissionsSpec {
  StatedList<Text> allow;
  StatedList<Text> deny;
  Text message;
};

struct RetrySpec {
  Stated<std::int64_t> attempts;
  Stated<Duration> backoff;
  Stated<Duration> max_backoff;
  Stated<bool> feedback;
  Stated<std::int64_t> same_failure;
  Stated<std::int64_t> wake_ups;
};

struct OutputSpec {
  Text name;
  Text file;
  Stated<ValueType> type;
};

struct ArtifactSpec {
  Text name;  // absent: the list had no name
  std::vector<Text> paths;
};

struct MountSpec {
  Text source;
  Text target;
  Stated<bool> writable;
};

struct CacheSpec {
  Text key;
  std::vector<Text> paths;
};

struct ServiceSpec {
  Text name;
  CommandSpec command;
  Text shell;
  Section<ImageSpec> image;
  std::vector<NamedText> env;
  Stated<std::int64_t> port;
  Stated<Duration> ready_timeout;
};

/// A task's word on services: names of the pipeline's, and its own.
struct ServicesSpec {
  std::vector<Text> names;
  std::vector<ServiceSpec> own;
};

struct MatrixAxis {
  Text name;
  YamlValue values;  // a list, or a text with one expression
};

struct MatrixSpec {
  std::vector<MatrixAxis> axes;
  std::vector<YamlValue> include;  // maps
  std::vector<YamlValue> exclude;  // maps
  Span span{};
};

// ---- criteria --------------------------------------------------------------------------------

struct RunCheckSpec {
  CommandSpec command;
  Stated<std::int64_t> exit_code;
};

struct HttpCheckSpec {
  Text method;
  Text url;
  Stated<std::int64_t> status;
  Text contains;
  std::vector<NamedText> headers;
};

struct FileCheckSpec {
  Text path;
  Stated<bool> exists;
  Text contains;
  Text matches;
  Stated<bool> executable;
};

struct JsonCheckSpec {
  Text file;
  Text pointer;
  Stated<JsonCheck::Comparison> comparison;
  Value expected;
  Text expression;  // where the expected value is one
  Text schema;
};

struct DiffCheckSpec {
  StatedList<Text> only;
  StatedList<Text> never;
  StatedList<Text> must;
};

struct ManualCheckSpec {
  Text question;
};

/// monostate: what the file says is no check, which was reported.
using CheckSpec = std::variant<std::monostate,
                               RunCheckSpec,
                               HttpCheckSpec,
                               FileCheckSpec,
                               JsonCheckSpec,
                               DiffCheckSpec,
                               ManualCheckSpec>;

struct CriterionSpec {
  Text text;
  CheckSpec check;
  Text service;
  Stated<bool> red_first;
  Stated<Duration> timeout;
  std::vector<NamedText> env;
};

// ---- tasks, phases, files --------------------------------------------------------------------

/// A line's condition or field: the key of a map, and what stands behind it.
struct AgentConditionSpec {
  Text pointer;
  AgentCondition::Comparison comparison = AgentCondition::Comparison::OneOf;
  Value expected;
};

struct AgentTakeSpec {
  AgentField field = AgentField::Claim;
  Text pointer;
  bool adds = false;
};

struct AgentRuleSpec {
  std::vector<AgentConditionSpec> when;
  std::vector<AgentTakeSpec> takes;
  Stated<AgentReason> reason;
  Stated<bool> ends;
};

struct AgentProviderSpec {
  Stated<ModelDialect> dialect;
  Text host;
  Text base_url;
  Text path;
};

struct AgentSpec {
  Text prompt;
  Text prompt_file;
  std::vector<Text> state;
  std::vector<AgentRuleSpec> stream;
  std::vector<AgentExit> exit;
  std::optional<AgentProviderSpec> provider;
  Span span{};  // of the key
};

/// What can be said of one task and, in part, of all (`defaults:`, the top of the pipeline, a step
/// file). Which keys each of them knows is in parse_*.cpp.
struct TaskSpec {
  Text name;  // the key; absent for all but tasks
  Text description;

  StatedList<Text> needs;
  Text condition;
  CommandSpec run;
  Text uses;
  std::vector<std::pair<Text, YamlValue>> with;
  Text approval;

  Text shell;                   // "sh", "bash", …
  StatedList<Text> shell_argv;  // …or the program and its arguments
  std::vector<NamedText> env;
  Text working_directory;
  Section<ImageSpec> image;
  Stated<EngineName> engine;
  Section<ResourcesSpec> resources;
  Text user;
  Text runtime;

  StatedList<MountSpec> mounts;
  Text setup;

  Section<AgentSpec> agent;
  Stated<AgentContext> context;

  Stated<Duration> timeout;
  Stated<Duration> idle_timeout;
  Section<RetrySpec> retry;
  Text pool;
  Stated<bool> allow_failure;
  Stated<Duration> expect;

  Section<MatrixSpec> matrix;
  Text for_each;

  std::vector<OutputSpec> outputs;
  std::vector<ArtifactSpec> artifacts;
  StatedList<CacheSpec> caches;
  Stated<bool> reuse;  // `cache: false`
  Section<ServicesSpec> services;
  StatedList<CriterionSpec> criteria;

  Section<BudgetSpec> budget;
  Section<FirewallSpec> firewall;
  Section<StatedList<SecretSpec>> secrets;
  Section<PermissionsSpec> permissions;
  Stated<DockerAccess> docker;
  Section<WorkspaceSpec> workspace;
};

struct PullRequestSpec {
  Text title;
  Text body;
  Text base;
  Stated<bool> draft;
  StatedList<Text> labels;
  Span span{};  // of the key
};

struct GitSpec {
  Text message;
  Stated<bool> conventional;
  StatedList<Text> protected_branches;
  Stated<bool> push;
  Text remote;
  Section<PullRequestSpec> pull_request;
};

struct PhaseSpec {
  Text name;
  Text description;
  StatedList<Text> needs;
  std::vector<TaskSpec> tasks;
  TaskSpec common;  // budget, env: for each of its tasks
  StatedList<CriterionSpec> criteria;
};

/// One of `inputs:`.
struct InputSpec {
  Text name;
  Text description;
  ValueType type = ValueType::String;
  YamlValue fallback;              // `default:`; absent: the input must be given
  std::vector<YamlValue> options;  // not empty: the value is one of them
  Span span{};
};

struct PipelineSpec {
  Text name;
  Text description;
  std::vector<InputSpec> inputs;
  TaskSpec common;    // what the top of the file says for every task
  TaskSpec defaults;  // `defaults:`
  std::vector<std::pair<Text, Stated<std::int64_t>>> pools;
  std::vector<ServiceSpec> services;
  std::vector<PhaseSpec> phases;  // `tasks:` at the top is one phase, `main`
  std::vector<PricedModel> prices;
  Stated<bool> require_approval;
  Text learnings;
  StatedList<Text> env_files;
  Section<GitSpec> git;
};

/// What `uses:` names: part of a task, with inputs of its own.
struct StepSpec {
  std::string_view path;  // as messages show it
  Text name;
  std::vector<InputSpec> inputs;
  TaskSpec body;
};

}  // namespace dsl
