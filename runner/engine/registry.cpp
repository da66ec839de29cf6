#include "runner/engine/registry.h"

#include <array>
#include <utility>

#include "runner/engine/container.h"
#include "runner/engine/host.h"
#include "runner/engine/sandbox.h"

namespace runner {

using dsl::EngineName;
using dsl::Error;
using dsl::Result;

namespace {

constexpr std::array kAutomatic = {EngineName::Docker, EngineName::Podman, EngineName::Sandbox};

}  // namespace

EngineRegistry::EngineRegistry(EventLoop& loop,
                               EngineOptions options,
                               ContainerEnvironment environment)
    : loop_(loop), options_(std::move(options)), environment_(std::move(environment)) {}

void EngineRegistry::look_for(const std::set<EngineName>& names, std::function<void()> done) {
  std::set<EngineName> wanted = names;
  if (wanted.erase(EngineName::Auto) > 0) {
    wanted.insert(kAutomatic.begin(), kAutomatic.end());
  }
  const auto left = std::make_shared<std::size_t>(1);
  const auto one_less = [this, left, done] {
    if (--*left == 0) {
      loop_.post(done);
    }
  };
  for (const EngineName name : wanted) {
    if (found_.count(name) > 0) {
      continue;
    }
    if (name == EngineName::Docker || name == EngineName::Podman) {
      ++*left;
      probe_container_program(
          loop_, name, environment_, [this, name, one_less](Result<ContainerProgram> program) {
            found_container(name, std::move(program));
            one_less();
          });
    } else if (name == EngineName::Sandbox) {
      found_sandbox();
    } else {
      found_host();
    }
  }
  one_less();
}

void EngineRegistry::found_container(EngineName name, Result<ContainerProgram> program) {
  Found& found = found_[name];
  found.finding.name = name;
  if (!program) {
    Error trouble = program.error();
    if (name == EngineName::Docker && !environment_.docker_host.empty()) {
      trouble.remedy = "DOCKER_HOST is '" + environment_.docker_host +
                       "': is that meant? else unset it; " + trouble.remedy;
    }
    found.finding.trouble = std::move(trouble);
    return;
  }
  found.finding.version = program->version;
  found.engine = make_container_engine(loop_, options_, *std::move(program));
}

void EngineRegistry::found_sandbox() {
  Found& found = found_[EngineName::Sandbox];
  found.finding.name = EngineName::Sandbox;
  found.engine = make_sandbox_engine(loop_, options_);
  found.finding.version = found.engine->traits().version;
  const std::vector<Error> problems = found.engine->unsupported(JobNeeds{});
  if (!problems.empty()) {
    found.finding.trouble = problems.front();
    found.engine.reset();
  }
}

void EngineRegistry::found_host() {
  Found& found = found_[EngineName::Host];
  found.finding.name = EngineName::Host;
  found.engine = make_host_engine(loop_, options_);
}

std::vector<EngineFinding> EngineRegistry::findings() const {
  std::vector<EngineFinding> findings;
  for (const EngineName name : kAutomatic) {
    if (const auto found = found_.find(name); found != found_.end()) {
      findings.push_back(found->second.finding);
    }
  }
  if (const auto found = found_.find(EngineName::Host); found != found_.end()) {
    findings.push_back(found->second.finding);
  }
  return findings;
}

Engine* EngineRegistry::find(EngineName name) const {
  const auto found = found_.find(name);
  return found == found_.end() ? nullptr : found->second.engine.get();
}

std::vector<Engine*> EngineRegistry::engines() const {
  std::vector<Engine*> engines;
  for (const auto& [name, found] : found_) {
    if (found.engine) {
      engines.push_back(found.engine.get());
    }
  }
  return engines;
}

Result<Engine*> EngineRegistry::choose(EngineName wanted, const JobNeeds& needs) const {
  if (wanted != EngineName::Auto) {
    const auto found = found_.find(wanted);
    if (found == found_.end()) {
      return Error{"BUG: this engine was not looked for", "please report this"};
    }
    if (!found->second.engine) {
      return *found->second.finding.trouble;
    }
    return found->second.engine.get();
  }
  // The first that can do it; else the reasons of the first that is there at all.
  std::optional<Error> first;
  Engine* fallback = nullptr;
  for (const EngineName name : kAutomatic) {
    const auto found = found_.find(name);
    if (found == found_.end()) {
      continue;
    }
    Engine* engine = found->second.engine.get();
    if (engine == nullptr) {
      first = first ? first : found->second.finding.trouble;
    } else if (engine->unsupported(needs).empty()) {
      return engine;
    } else if (fallback == nullptr) {
      fallback = engine;
    }
  }
  const bool needs_program = needs.image.kind == dsl::Image::Kind::Reference ||
                             needs.image.kind == dsl::Image::Kind::Build;
  if (first && (needs_program || fallback == nullptr)) {
    return *first;  // "no daemon runs" helps more than "the sandbox has no such images"
  }
  if (fallback != nullptr) {
    return fallback;  // preflight asks it again, and tells all its reasons
  }
  return Error{"no engine was found", "`pipe doctor` tells what is missing"};
}

std::set<EngineName> engines_of(const dsl::Plan& plan) {
  std::set<EngineName> names;
  for (const dsl::PlanNode& node : plan.nodes) {
    if (node.engine != EngineName::Auto) {
      names.insert(node.engine);
      continue;
    }
    names.insert(EngineName::Sandbox);
    const auto only_programs = [](const dsl::Image& image) {
      return image.kind == dsl::Image::Kind::Reference || image.kind == dsl::Image::Kind::Build;
    };
    bool programs = only_programs(node.image);
    for (const dsl::Service& service : node.services) {
      programs = programs || only_programs(service.image);
    }
    if (programs) {
      names.insert(EngineName::Docker);
      names.insert(EngineName::Podman);
    }
  }
  return names;
}

}  // namespace runner
