#pragma once

// All texts of a plan's node that the run fills in. Any thread.

#include <variant>

#include "dsl/plan.h"

namespace runner {

template <class See>
void for_each_template(const dsl::PlanNode& node, See see) {
  const auto see_all = [&see](const dsl::Command& command, const std::vector<dsl::EnvVar>& env) {
    for (const dsl::Template& word : command.argv) {
      see(word);
    }
    for (const dsl::EnvVar& variable : env) {
      see(variable.value);
    }
  };
  see_all(node.command, node.env);
  if (node.agent) {
    see(node.agent->prompt);
  }
  for (const dsl::CacheDecl& cache : node.caches) {
    see(cache.key);
  }
  for (const dsl::Service& service : node.services) {
    see_all(service.command, service.env);
  }
  for (const dsl::Criterion& criterion : node.criteria) {
    if (const auto* run = std::get_if<dsl::RunCheck>(&criterion.check)) {
      see_all(run->command, run->env);
    } else if (const auto* http = std::get_if<dsl::HttpCheck>(&criterion.check)) {
      see(http->url);
    }
  }
}

}  // namespace runner
