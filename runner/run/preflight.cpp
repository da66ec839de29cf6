#include "runner/run/preflight.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "runner/run/meter.h"

namespace runner {

using dsl::Error;
using dsl::PlanNode;

namespace {

/// Problems by text, so that a thousand tasks with the same one are one line.
class Problems {
 public:
  explicit Problems(const PlaceOfNode& place_of) : place_of_(place_of) {}

  /// From here on problems are of that node.
  void at(std::size_t node) { node_ = node; }

  void add(const std::string& node, std::string message, std::string remedy) {
    const auto key = std::make_pair(std::move(message), std::move(remedy));
    const auto [found, fresh] = place_.emplace(key, all_.size());
    if (fresh) {
      all_.push_back({key.first, key.second, {}, 0, place_of_ ? place_of_(node_) : ""});
    }
    One& one = all_[found->second];
    ++one.count;
    if (one.nodes.size() < kShown) {
      one.nodes.push_back("'" + node + "'");
    }
  }

  /// One that no node has.
  void add_whole(std::string message, std::string remedy) {
    all_.push_back({std::move(message), std::move(remedy), {}, 0, ""});
  }

  std::vector<Error> take() {
    std::vector<Error> errors;
    for (const One& one : all_) {
      std::string who = fmt::format("{}", fmt::join(one.nodes, ", "));
      if (one.count > kShown) {
        who += fmt::format(" and {} more", one.count - kShown);
      }
      const Error error{(who.empty() ? "" : who + ": ") + one.message, one.remedy};
      errors.push_back(one.place.empty() ? error : error.within(one.place));
    }
    return errors;
  }

 private:
  static constexpr std::size_t kShown = 3;
  struct One {
    std::string message;
    std::string remedy;
    std::vector<std::string> nodes;
    std::size_t count;
    std::string place;  // of the first node
  };
  const PlaceOfNode& place_of_;
  std::size_t node_ = 0;
  std::map<std::pair<std::string, std::string>, std::size_t> place_;
  std::vector<One> all_;
};

/// It limits what is spent on models.
bool limits_models(const dsl::Budget& budget) {
  return budget.cost || budget.turns || budget.tokens || budget.cost_per_day;
}

constexpr const char* kNobodyCounts =
    "has a budget for models, and no agent whose requests to a model could be counted";
constexpr const char* kHowToCount =
    "use a step with a `provider:`, such as std/agent/claude-code, and name its key under "
    "`secrets:`; or remove `budget:`, of which only `time` needs no such agent";

/// Of the whole and of each phase. A model that no agent's step names is none that it could count.
void ask_for_agents(const dsl::Plan& plan, Problems& problems) {
  const auto none_is_metered = [&plan](const std::string* phase) {
    return std::none_of(plan.nodes.begin(), plan.nodes.end(), [phase](const PlanNode& node) {
      return (phase == nullptr || node.phase == *phase) && is_metered(node);
    });
  };
  if (limits_models(plan.budget) && none_is_metered(nullptr)) {
    problems.add_whole(std::string("the pipeline ") + kNobodyCounts, kHowToCount);
  }
  for (const dsl::PlanPhase& phase : plan.phases) {
    if (limits_models(phase.budget) && none_is_metered(&phase.name)) {
      problems.add_whole("the phase '" + phase.name + "' " + kNobodyCounts, kHowToCount);
    }
  }
}

/// A budget holds where everything that a node can spend passes the gateway.
void ask_meter(const PlanNode& node, bool is_limited, const Engine* engine, Problems& problems) {
  const std::string& id = node.id.value;
  if (is_limited) {
    const bool isolates = engine == nullptr || engine->traits().isolates;
    if (const std::string key = unmetered_key(node, isolates); !key.empty()) {
      problems.add(id,
                   "has a budget for models and the secret '" + key +
                       "', with which it can go past the gateway and spend uncounted",
                   "take the model's host out of `firewall:`, an agent's step reaches it without, "
                   "and every other host that the secret is for; and choose an engine that "
                   "isolates");
    }
  }
  if (limits_models(node.budget) && !is_metered(node)) {
    problems.add(id, kNobodyCounts, kHowToCount);
  }
  if (engine == nullptr || engine->traits().egress || !is_metered(node)) {
    return;
  }
  if (is_limited) {
    problems.add(id,
                 "has a budget for models, and its engine cannot lead its requests to the gateway",
                 "choose engine `sandbox` or `podman`, run pipe as root with `docker`, or remove "
                 "`budget:`");
  } else if (engine->traits().isolates) {
    problems.add(id,
                 "has an agent that asks a model, and its engine cannot lead it to the gateway",
                 "choose engine `sandbox` or `podman`, or run pipe as root with `docker`");
  }
}

/// Docker starts nothing below it, and in a sandbox nothing would come up either.
constexpr dsl::Bytes kLeastMemory{6 << 20};

void ask_engine(const PlanNode& node, const Engine& engine, Problems& problems) {
  if (node.resources.memory && *node.resources.memory < kLeastMemory) {
    problems.add(node.id.value,
                 "asks for a memory limit of " + dsl::to_text(*node.resources.memory) +
                     ", and no container starts with less than " + dsl::to_text(kLeastMemory),
                 "raise `resources: {memory: …}`");
  }
  if (!node.firewall.allow.empty() && !engine.traits().egress) {
    problems.add(node.id.value,
                 "asks for a firewall, and its engine cannot lead a network to the gateway here",
                 "choose engine `sandbox` or `podman`, run pipe as root with `docker`, or remove "
                 "`firewall:`; then it has loopback only");
  }
  const bool wants_docker =
      node.docker == dsl::DockerAccess::Broker || node.docker == dsl::DockerAccess::Socket;
  if (wants_docker && !engine.traits().docker) {
    problems.add(node.id.value,
                 "asks for access to Docker, which only the engine `docker` gives",
                 "write `engine: docker`, or `docker: none`");
  }
  if (node.docker == dsl::DockerAccess::Dind && !engine.traits().docker_daemon) {
    problems.add(node.id.value,
                 "asks for a Docker daemon of its own, which only the engine `docker` starts, and "
                 "only where its own daemon is root's",
                 "write `engine: docker`, or `docker: none`");
  }
  if (!node.permissions.empty() && !engine.traits().isolates) {
    problems.add(node.id.value,
                 "asks for permissions, and the engine `host` has no place for what sees to them",
                 "choose another engine, or remove `permissions:`");
  }
  if (!node.mounts.empty() && !engine.traits().isolates) {
    problems.add(
        node.id.value,
        "asks for mounts, and with the engine `host` every task sees this machine as it is",
        "choose another engine, or remove `mounts:`");
  }
  if (node.workspace.mode == dsl::Workspace::Mode::ReadOnly && !engine.traits().isolates) {
    problems.add(node.id.value,
                 "asks for a workspace that is read-only, which the engine `host` cannot give",
                 "leave out `mode: readonly`, or choose another engine");
  }
  for (const dsl::Secret& secret : node.secrets) {
    if (secret.expose == dsl::Secret::Expose::File && !engine.traits().isolates) {
      problems.add(node.id.value,
                   "asks for the secret '" + secret.name +
                       "' in a file of its own memory, which the engine `host` cannot give",
                   "write `expose: true`, or choose another engine");
    }
  }
  JobNeeds needs{node.image, node.resources, node.user, node.runtime, !node.services.empty()};
  for (const Error& error : engine.unsupported(needs)) {
    problems.add(node.id.value, error.message, error.remedy);
  }
  for (const dsl::Service& service : node.services) {
    needs.image = service.image;
    for (const Error& error : engine.unsupported(needs)) {
      problems.add(node.id.value, "service '" + service.name + "': " + error.message, error.remedy);
    }
  }
}

}  // namespace

std::vector<Error> preflight(const dsl::Plan& plan,
                             const std::vector<Engine*>& engines,
                             const PlaceOfNode& place_of) {
  Problems problems(place_of);
  ask_for_agents(plan, problems);
  std::map<std::string, bool> is_limited;  // by phase
  for (const dsl::PlanPhase& phase : plan.phases) {
    is_limited[phase.name] = limits_models(phase.budget) || limits_models(plan.budget);
  }
  for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
    problems.at(i);
    const PlanNode& node = plan.nodes[i];
    ask_meter(node, is_limited[node.phase] || limits_models(node.budget), engines[i], problems);
    if (engines[i] != nullptr) {
      ask_engine(plan.nodes[i], *engines[i], problems);
    }
  }
  return problems.take();
}

}  // namespace runner
