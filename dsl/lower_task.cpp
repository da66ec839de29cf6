#include "dsl/lower_task.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/budgets.h"
#include "dsl/codes.h"
#include "dsl/egress.h"
#include "dsl/expression_holes.h"
#include "dsl/firewall_entry.h"
#include "dsl/permission_rule.h"
#include "dsl/render.h"
#include "dsl/secret_host.h"

namespace dsl {

TaskLowering::TaskLowering(Program& program,
                           const PlanDefaults& defaults,
                           Graph::Node unit,
                           const std::vector<Layer>& layers,
                           const Value::Record& matrix,
                           const std::vector<std::string>& axes,
                           PlanNode& node)
    : program_(program),
      defaults_(defaults),
      unit_(program.units[unit]),
      layers_(layers),
      names_(program, unit, layers, matrix, axes),
      node_(node) {
  node_.matrix = matrix;
}

void TaskLowering::lower() {
  if (layers_.size() > 1 && layers_[1].step != nullptr) {
    (void)names(0);  // checks `with:` even where the step mentions no input
  }
  lower_env();
  lower_place();
  lower_work();
  lower_agent();
  lower_rules();
  lower_mounts();
  lower_setup();
  lower_limits();
  lower_results();
  lower_services();
  lower_docker_daemon();
  lower_criteria();
}

// ---- texts -----------------------------------------------------------------------------------

Template TaskLowering::text(const Text& text, std::size_t layer) {
  if (!has_hole(text.value)) {
    return Template(std::string(text.value));
  }
  CheckedText checked = check_text(text.value, program_.origin(text), names(layer));
  program_.findings.add(std::move(checked.diagnostics));
  return std::move(checked.text);
}

std::string TaskLowering::known(const Text& text, std::size_t layer, std::string_view what) {
  if (!has_hole(text.value)) {
    return std::string(text.value);
  }
  CheckedText checked = check_text(text.value, program_.origin(text), names(layer));
  if (!checked.diagnostics.empty()) {
    program_.findings.add(std::move(checked.diagnostics));
    return "";
  }
  if (!checked.value) {
    program_.findings.error(kNoExpression,
                            text.span,
                            fmt::format("{} must be known before anything runs", what),
                            "use inputs, matrix values and literals only");
    return "";
  }
  return to_text(*checked.value);
}

std::vector<std::string> TaskLowering::known(const std::vector<Text>& texts,
                                             std::size_t layer,
                                             std::string_view what) {
  std::vector<std::string> list;
  list.reserve(texts.size());
  for (const Text& each : texts) {
    list.push_back(known(each, layer, what));
  }
  return list;
}

// ---- rules and limits ------------------------------------------------------------------------

void TaskLowering::lower_rules() {
  if (const Layer* layer = stating(&TaskSpec::timeout)) {
    node_.timeout = layer->body->timeout.value;
  }
  if (const Layer* layer = stating(&TaskSpec::idle_timeout)) {
    node_.idle_timeout = layer->body->idle_timeout.value;
  }
  if (const Layer* layer = stating(&TaskSpec::retry)) {
    const RetrySpec& retry = *layer->body->retry;
    node_.retry = {retry.attempts ? static_cast<int>(retry.attempts.value) : 1,
                   retry.backoff.value,
                   retry.max_backoff.value,
                   retry.feedback.value};
    node_.retry.same_failure = retry.same_failure ? static_cast<int>(retry.same_failure.value)
                                                  : (node_.retry.feedback ? kUsualSameFailure : 0);
    node_.retry.wake_ups = retry.wake_ups ? static_cast<int>(retry.wake_ups.value) : kUsualWakeUps;
  }
  if (!node_.agent) {
    node_.retry.wake_ups = 0;
  } else if (stating(&TaskSpec::retry) == nullptr) {
    node_.retry.wake_ups = kUsualWakeUps;
  }
  if (const Layer* layer = stating(&TaskSpec::allow_failure)) {
    node_.allow_failure = layer->body->allow_failure.value;
  }
  if (const Layer* layer = stating(&TaskSpec::expect)) {
    node_.expect = layer->body->expect.value;
  }
  if (const Layer* layer = stating(&TaskSpec::reuse)) {
    node_.reuse = layer->body->reuse.value;
  }
  if (const Layer* layer = stating(&TaskSpec::docker)) {
    node_.docker = layer->body->docker.value;
  }
  node_.merges = unit_.task != nullptr && unit_.task->merge;
  if (unit_.task != nullptr) {  // a gate waits for no pool: nothing may hold it up
    if (const Layer* layer = stating(&TaskSpec::pool)) {
      node_.pool = std::string(layer->body->pool.value);
    }
  }
}

void TaskLowering::lower_limits() {
  if (const Layer* layer = budget_layer(program_, unit_, layers_)) {
    node_.budget = to_budget(*layer->body->budget);
  }
  if (const Layer* layer = stating(&TaskSpec::firewall)) {
    const FirewallSpec& firewall = *layer->body->firewall;
    const std::size_t number = number_of(*layer);
    node_.firewall.mode = firewall.mode.value;
    for (const Text& entry : firewall.allow.items) {
      for (std::string& rule : expand_allow(
               program_, entry, known(entry, number, "a firewall entry"), node_.firewall.mode)) {
        std::vector<std::string>& allow = node_.firewall.allow;
        if (std::find(allow.begin(), allow.end(), rule) == allow.end()) {
          allow.push_back(std::move(rule));
        }
      }
      if (is_preset(entry.value)) {
        node_.firewall.presets.emplace_back(entry.value);
      }
    }
    node_.firewall.allow_private = known(firewall.allow_private.items, number, "a firewall entry");
  }
  if (const Layer* layer = stating(&TaskSpec::secrets)) {
    const std::size_t number = number_of(*layer);
    for (const SecretSpec& secret : layer->body->secrets->items) {
      node_.secrets.push_back(lower_secret(secret, number));
    }
  }
  if (const Layer* layer = stating(&TaskSpec::permissions)) {
    const PermissionsSpec& permissions = *layer->body->permissions;
    const std::size_t number = number_of(*layer);
    for (const Text& rule : permissions.allow.items) {
      lower_permission(rule, number, Permits::Yes);
    }
    for (const Text& rule : permissions.deny.items) {
      lower_permission(rule, number, Permits::No);
    }
    node_.permissions.message = known(permissions.message, number, "'message'");
  }
}

void TaskLowering::lower_permission(const Text& text, std::size_t layer, Permits permits) {
  const std::string known_text = known(text, layer, "a permission");
  if (known_text.empty() && has_hole(text.value)) {
    return;  // reported
  }
  const Result<PermissionRule> rule = parse_permission_rule(known_text);
  const bool allows = permits == Permits::Yes;
  if (!rule) {
    program_.findings.error(kBadPermission, text.span, rule.error().message, rule.error().remedy);
  } else if (allows && rule->is_file()) {
    program_.findings.error(kBadPermission,
                            text.span,
                            fmt::format("'{}' is a file, and files can only be denied", known_text),
                            "allow a program by its name, without its folder");
  } else {
    (allows ? node_.permissions.allow : node_.permissions.deny).push_back(to_text(*rule));
  }
}

Secret TaskLowering::lower_secret(const SecretSpec& spec, std::size_t layer) {
  Secret secret;
  secret.name = std::string(spec.name.value);
  secret.command = known(spec.command.items, layer, "a secret's command");
  secret.file = known(spec.file, layer, "a secret's file");
  secret.expires = spec.expires.value;
  secret.expose = spec.expose.value;
  secret.header = std::string(spec.header.value);
  for (const Text& entry : spec.hosts.items) {
    const std::string text = known(entry, layer, "a secret's host");
    if (text.empty()) {
      continue;  // reported
    }
    const Result<SecretHost> host = parse_secret_host(text);
    if (!host) {
      program_.findings.error(
          kBadSecretHost, entry.span, host.error().message, host.error().remedy);
      continue;
    }
    secret.hosts.push_back(to_text(*host));
  }
  if (!spec.hosts && secret.expose == Secret::Expose::No) {
    secret.hosts = known_secret_hosts(secret.name);
  }
  note_reach(spec.name, secret);
  return secret;
}

/// A token that reaches no host of its secret is of no use; told once all tasks are known.
void TaskLowering::note_reach(const Text& name, const Secret& secret) {
  const Result<EgressPolicy> policy = EgressPolicy::make(node_.firewall);
  if (secret.hosts.empty() || !policy) {
    return;
  }
  Program::SecretReach& reach = program_.secret_reach[{name.span.source, name.span.begin}];
  reach.name = name;
  reach.host = secret.hosts.front();
  for (const std::string& text : secret.hosts) {
    const Result<SecretHost> host = parse_secret_host(text);
    const std::string some = host ? (host->below ? "any." : "") + host->host : "";
    reach.reached = reach.reached || (host && policy->find(some, host->port) != nullptr) ||
                    (host && node_.agent && node_.agent->provider &&
                     host->matches_name(node_.agent->provider->host));  // the gateway leads there
  }
}

// ---- what it leaves --------------------------------------------------------------------------

void TaskLowering::lower_results() {
  node_.outputs = declared_outputs(layers_);
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    for (const ArtifactSpec& artifact : layers_[layer].body->artifacts) {
      node_.artifacts.push_back({artifact.name ? std::string(artifact.name.value) : "files",
                                 known(artifact.paths, layer, "an artifact's path")});
    }
  }
  if (const Layer* layer = stating(&TaskSpec::caches)) {
    const std::size_t number = number_of(*layer);
    for (const CacheSpec& cache : layer->body->caches.items) {
      node_.caches.push_back(
          {text(cache.key, number), known(cache.paths, number, "a cache's path")});
    }
  }
}

}  // namespace dsl
