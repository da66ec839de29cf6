#pragma once

// The fields of a Plan's records and how they are called in JSON, told once for the writer and the
// reader. `Io` is called as io(name, member) for each field, in order. Internal to plan_json.
// Any thread.

#include <array>
#include <concepts>
#include <string_view>
#include <type_traits>

#include "dsl/plan.h"

namespace dsl::plan_fields {

/// T is U or const U: the writer has const records, the reader fills them.
template <class T, class U>
concept Either = std::same_as<std::remove_const_t<T>, U>;

/// The kinds of a Criterion's check, in the order of the variant.
constexpr std::array<std::string_view, 7> kCheckKinds = {
    "run", "http", "file", "json", "diff", "manual", "flagged"};

template <class Io, Either<Template::Piece> T>
void describe(Io& io, T& piece) {
  io("kind", piece.kind);
  io("text", piece.text);
}

template <class Io, Either<Image> T>
void describe(Io& io, T& image) {
  io("kind", image.kind);
  io("reference", image.reference);
  io("context", image.context);
}

template <class Io, Either<Resources> T>
void describe(Io& io, T& resources) {
  io("cpus_millis", resources.cpus);
  io("memory_bytes", resources.memory);
  io("pids", resources.pids);
  io("disk_bytes", resources.disk);
}

template <class Io, Either<Command> T>
void describe(Io& io, T& command) {
  io("argv", command.argv);
}

template <class Io, Either<EnvVar> T>
void describe(Io& io, T& variable) {
  io("name", variable.name);
  io("value", variable.value);
}

template <class Io, Either<OutputDecl> T>
void describe(Io& io, T& output) {
  io("name", output.name);
  io("file", output.file);
  io("type", output.type);
}

template <class Io, Either<ArtifactDecl> T>
void describe(Io& io, T& artifact) {
  io("name", artifact.name);
  io("paths", artifact.paths);
}

template <class Io, Either<CacheDecl> T>
void describe(Io& io, T& cache) {
  io("key", cache.key);
  io("paths", cache.paths);
}

template <class Io, Either<Retry> T>
void describe(Io& io, T& retry) {
  io("attempts", retry.attempts);
  io("backoff_ms", retry.backoff);
  io("max_backoff_ms", retry.max_backoff);
  io("feedback", retry.feedback);
  io("same_failure", retry.same_failure);
  io("wake_ups", retry.wake_ups);
}

template <class Io, Either<Service> T>
void describe(Io& io, T& service) {
  io("name", service.name);
  io("command", service.command);
  io("image", service.image);
  io("env", service.env);
  io("port", service.port);
  io("ready_timeout_ms", service.ready_timeout);
  io("beside_node", service.beside_node);
}

template <class Io, Either<RunCheck> T>
void describe(Io& io, T& check) {
  io("command", check.command);
  io("env", check.env);
  io("exit_code", check.exit_code);
}

template <class Io, Either<HttpCheck> T>
void describe(Io& io, T& check) {
  io("method", check.method);
  io("url", check.url);
  io("status", check.status);
  io("contains", check.contains);
  io("headers", check.headers);
}

template <class Io, Either<FileCheck> T>
void describe(Io& io, T& check) {
  io("path", check.path);
  io("exists", check.exists);
  io("contains", check.contains);
  io("matches", check.matches);
  io("executable", check.executable);
}

template <class Io, Either<JsonCheck> T>
void describe(Io& io, T& check) {
  io("file", check.file);
  io("pointer", check.pointer);
  io("comparison", check.comparison);
  io("expected", check.expected);
  io("schema", check.schema);
}

template <class Io, Either<DiffCheck> T>
void describe(Io& io, T& check) {
  io("only", check.only);
  io("never", check.never);
  io("must", check.must);
}

template <class Io, Either<ManualCheck> T>
void describe(Io& io, T& check) {
  io("question", check.question);
}

template <class Io, Either<FlaggedCheck> T>
void describe(Io& io, T& check) {
  io("rule", check.rule);
}

template <class Io, Either<Criterion> T>
void describe(Io& io, T& criterion) {
  io("text", criterion.text);
  io("check", criterion.check);
  io("service", criterion.service);
  io("red_first", criterion.red_first);
  io("timeout_ms", criterion.timeout);
}

template <class Io, Either<Budget> T>
void describe(Io& io, T& budget) {
  io("cost_micros", budget.cost);
  io("time_ms", budget.time);
  io("turns", budget.turns);
  io("tokens", budget.tokens);
  io("cost_per_day_micros", budget.cost_per_day);
}

template <class Io, Either<Firewall> T>
void describe(Io& io, T& firewall) {
  io("mode", firewall.mode);
  io("allow", firewall.allow);
  io("allow_private", firewall.allow_private);
  io("presets", firewall.presets);
}

template <class Io, Either<Secret> T>
void describe(Io& io, T& secret) {
  io("name", secret.name);
  io("command", secret.command);
  io("file", secret.file);
  io("expires_ms", secret.expires);
  io("expose", secret.expose);
  io("hosts", secret.hosts);
  io("header", secret.header);
}

template <class Io, Either<HostMount> T>
void describe(Io& io, T& mount) {
  io("source", mount.source);
  io("target", mount.target);
  io("writable", mount.writable);
}

template <class Io, Either<Permissions> T>
void describe(Io& io, T& permissions) {
  io("allow", permissions.allow);
  io("deny", permissions.deny);
  io("message", permissions.message);
}

template <class Io, Either<Workspace> T>
void describe(Io& io, T& workspace) {
  io("source", workspace.source);
  io("mode", workspace.mode);
  io("protect", workspace.protect);
}

template <class Io, Either<AgentCondition> T>
void describe(Io& io, T& condition) {
  io("pointer", condition.pointer);
  io("comparison", condition.comparison);
  io("expected", condition.expected);
}

template <class Io, Either<AgentTake> T>
void describe(Io& io, T& take) {
  io("field", take.field);
  io("pointer", take.pointer);
  io("adds", take.adds);
}

template <class Io, Either<AgentRule> T>
void describe(Io& io, T& rule) {
  io("when", rule.when);
  io("takes", rule.takes);
  io("reason", rule.reason);
  io("ends", rule.ends);
}

template <class Io, Either<AgentExit> T>
void describe(Io& io, T& exit) {
  io("code", exit.code);
  io("reason", exit.reason);
}

template <class Io, Either<AgentProvider> T>
void describe(Io& io, T& provider) {
  io("dialect", provider.dialect);
  io("host", provider.host);
  io("base_url", provider.base_url);
  io("path", provider.path);
}

template <class Io, Either<FollowUp> T>
void describe(Io& io, T& follow_up) {
  io("prompt", follow_up.prompt);
  io("run", follow_up.run);
  io("session", follow_up.session);
}

template <class Io, Either<AgentContext> T>
void describe(Io& io, T& context) {
  io("outputs", context.outputs);
  io("diff", context.diff);
}

template <class Io, Either<Agent> T>
void describe(Io& io, T& agent) {
  io("name", agent.name);
  io("prompt", agent.prompt);
  io("prompt_file", agent.prompt_file);
  io("context", agent.context);
  io("state", agent.state);
  io("stream", agent.stream);
  io("exit", agent.exit);
  io("provider", agent.provider);
  io("follow_up", agent.follow_up);
}

template <class Io, Either<PullRequest> T>
void describe(Io& io, T& request) {
  io("title", request.title);
  io("body", request.body);
  io("base", request.base);
  io("draft", request.draft);
  io("labels", request.labels);
}

template <class Io, Either<Git> T>
void describe(Io& io, T& git) {
  io("message", git.message);
  io("conventional", git.conventional);
  io("protected", git.protected_branches);
  io("push", git.push);
  io("remote", git.remote);
  io("pull_request", git.pull_request);
}

template <class Io, Either<PlanNode> T>
void describe(Io& io, T& node) {
  io("id", node.id);
  io("kind", node.kind);
  io("phase", node.phase);
  io("task", node.task);
  io("description", node.description);
  io("needs", node.needs);
  io("condition", node.condition);
  io("for_each", node.for_each);
  io("matrix", node.matrix);
  io("command", node.command);
  io("env", node.env);
  io("working_directory", node.working_directory);
  io("engine", node.engine);
  io("image", node.image);
  io("resources", node.resources);
  io("user", node.user);
  io("runtime", node.runtime);
  io("mounts", node.mounts);
  io("setup", node.setup);
  io("agent", node.agent);
  io("timeout_ms", node.timeout);
  io("idle_timeout_ms", node.idle_timeout);
  io("retry", node.retry);
  io("pool", node.pool);
  io("allow_failure", node.allow_failure);
  io("reuse", node.reuse);
  io("expect_ms", node.expect);
  io("workspace", node.workspace);
  io("outputs", node.outputs);
  io("artifacts", node.artifacts);
  io("caches", node.caches);
  io("services", node.services);
  io("criteria", node.criteria);
  io("approval", node.approval);
  io("budget", node.budget);
  io("firewall", node.firewall);
  io("secrets", node.secrets);
  io("permissions", node.permissions);
  io("docker", node.docker);
}

template <class Io, Either<PlanPhase> T>
void describe(Io& io, T& phase) {
  io("name", phase.name);
  io("description", phase.description);
  io("gate", phase.gate);
  io("budget", phase.budget);
}

template <class Io, Either<TokenPrices> T>
void describe(Io& io, T& prices) {
  io("input_nanos", prices.input);
  io("output_nanos", prices.output);
  io("cache_read_nanos", prices.cache_read);
  io("cache_write_nanos", prices.cache_write);
  io("cache_write_1h_nanos", prices.cache_write_long);
}

template <class Io, Either<PricedModel> T>
void describe(Io& io, T& priced) {
  io("model", priced.model);
  io("usual", priced.price.usual);
  io("above_tokens", priced.price.long_from);
  io("above", priced.price.longer);
}

template <class Io, Either<Plan> T>
void describe(Io& io, T& plan) {
  io("version", plan.version);
  io("name", plan.name);
  io("description", plan.description);
  io("source_digest", plan.source_digest);
  io("inputs", plan.inputs);
  io("instructions", plan.instructions);
  io("learnings", plan.learnings);
  io("workspace", plan.workspace);
  io("engine", plan.engine);
  io("budget", plan.budget);
  io("prices", plan.prices);
  io("require_approval", plan.require_approval);
  io("env_files", plan.env_files);
  io("git", plan.git);
  io("pools", plan.pools);
  io("phases", plan.phases);
  io("nodes", plan.nodes);
}

}  // namespace dsl::plan_fields
