#include "runner/run/meter.h"

#include <algorithm>

#include "dsl/egress.h"
#include "dsl/secret_host.h"

namespace runner {

namespace {

using Expose = dsl::Secret::Expose;

bool goes_to(const dsl::Secret& secret, const std::string& host) {
  return std::any_of(secret.hosts.begin(), secret.hosts.end(), [&](const std::string& text) {
    const auto parsed = dsl::parse_secret_host(text);
    return parsed && !parsed->clear && parsed->port == dsl::kHttpsPort &&
           parsed->matches_name(host);
  });
}

/// Where this secret buys answers of models: by the names that everybody gives to such keys, or as
/// that of the node's own agent. Also wherever else it is lent to, which may pass it on to the
/// provider. Empty: it is no such key.
std::vector<dsl::SecretHost> model_hosts(const dsl::Secret& secret, const dsl::PlanNode& node) {
  std::vector<dsl::SecretHost> all;
  for (const char* name : {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"}) {
    for (const std::string& text : dsl::known_secret_hosts(name)) {
      const auto host = dsl::parse_secret_host(text);
      if (host && (secret.name == name || goes_to(secret, host->host))) {
        all.push_back(*host);
      }
    }
  }
  const bool is_agents =
      node.agent && node.agent->provider && goes_to(secret, node.agent->provider->host);
  if (is_agents || !all.empty()) {
    for (const std::string& text : secret.hosts) {
      if (const auto host = dsl::parse_secret_host(text)) {
        all.push_back(*host);
      }
    }
  }
  return all;
}

/// One of the names that are meant, at the least.
bool allows(const dsl::EgressPolicy& policy, const dsl::SecretHost& host) {
  using Kind = dsl::EgressRule::Kind;
  if (!host.below) {
    return policy.find(host.host, host.port) != nullptr;
  }
  const auto meets = [&host](const dsl::EgressRule& rule) {
    switch (rule.kind) {
      case Kind::Name:
        return host.matches_name(rule.host);
      case Kind::Below:
        return rule.host == host.host || rule.matches_name(host.host) ||
               host.matches_name(rule.host);
      case Kind::Any:
        return true;
      case Kind::Range:
        break;
    }
    return false;
  };
  return std::any_of(policy.rules().begin(), policy.rules().end(), [&](const auto& rule) {
    return !rule.udp && rule.matches_port(host.port) && meets(rule);
  });
}

}  // namespace

const char* to_text(Settlement settlement) {
  switch (settlement) {
    case Settlement::Open:
      return "open";
    case Settlement::Billed:
      return "billed";
    case Settlement::Cut:
      return "cut";
    case Settlement::Unknown:
      return "unknown";
    case Settlement::Free:
      return "free";
  }
  return "";
}

bool is_metered(const dsl::PlanNode& node) {
  return node.agent && node.agent->provider &&
         std::any_of(node.secrets.begin(), node.secrets.end(), [&](const dsl::Secret& secret) {
           return secret.expose == Expose::No && goes_to(secret, node.agent->provider->host);
         });
}

std::string unmetered_key(const dsl::PlanNode& node, bool isolates) {
  const auto policy = dsl::EgressPolicy::make(node.firewall);
  for (const dsl::Secret& secret : node.secrets) {
    for (const dsl::SecretHost& host : model_hosts(secret, node)) {
      if (!isolates || !policy || allows(*policy, host)) {
        return secret.name;
      }
    }
  }
  return "";
}

}  // namespace runner
