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

/// The hosts where this secret buys answers of models, by the names that everybody gives to such
/// keys; empty: it is no such key.
std::vector<std::string> model_hosts(const dsl::Secret& secret) {
  std::vector<std::string> all;
  for (const char* name : {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"}) {
    for (const std::string& text : dsl::known_secret_hosts(name)) {
      const auto host = dsl::parse_secret_host(text);
      if (host && (secret.name == name || goes_to(secret, host->host))) {
        all.push_back(host->host);
      }
    }
  }
  return all;
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
    for (const std::string& host : model_hosts(secret)) {
      if (!isolates || !policy || policy->find(host, dsl::kHttpsPort) != nullptr) {
        return secret.name;
      }
    }
  }
  return "";
}

}  // namespace runner
