#pragma once

// Which engines there are on this machine, and which of them a node gets. Engines are looked for
// only when somebody wants them: asking Docker costs a tenth of a second that a run in the sandbox
// need not pay.
//
// Loop thread.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/engine/container_probe.h"
#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// What was found out about one engine.
struct EngineFinding {
  dsl::EngineName name = dsl::EngineName::Sandbox;
  std::string version;                // of the program behind it; "" none or not found
  std::optional<dsl::Error> trouble;  // why it cannot be used, with the remedy
};

class EngineRegistry {
 public:
  EngineRegistry(EventLoop& loop, EngineOptions options, ContainerEnvironment environment);
  EngineRegistry(const EngineRegistry&) = delete;
  EngineRegistry& operator=(const EngineRegistry&) = delete;

  /// Looks for these engines (Auto is all but Host); `done` is called once. Engines that were
  /// looked for before are not looked for again.
  void look_for(const std::set<dsl::EngineName>& names, std::function<void()> done);

  /// In the order in which `auto` would take them.
  [[nodiscard]] std::vector<EngineFinding> findings() const;

  /// Null where it cannot be used. REQUIRES: it was looked for; not Auto.
  [[nodiscard]] Engine* find(dsl::EngineName name) const;

  /// The engine for a job with these needs: the wanted one, or for Auto the first of Docker, Podman
  /// and sandbox that has what it needs. An Error says why there is none, with the remedy.
  [[nodiscard]] dsl::Result<Engine*> choose(dsl::EngineName wanted, const JobNeeds& needs) const;

  /// All engines that were found.
  [[nodiscard]] std::vector<Engine*> engines() const;

 private:
  struct Found {
    EngineFinding finding;
    std::unique_ptr<Engine> engine;  // null with trouble
  };
  void found_container(dsl::EngineName name, dsl::Result<ContainerProgram> program);
  void found_sandbox();
  void found_host();

  EventLoop& loop_;
  const EngineOptions options_;
  const ContainerEnvironment environment_;
  std::map<dsl::EngineName, Found> found_;
};

/// Which engines a plan may need, for look_for: those that nodes name, and for Auto those that
/// could have the node's images.
std::set<dsl::EngineName> engines_of(const dsl::Plan& plan);

}  // namespace runner
