#pragma once

// Finds out whether Docker or Podman can be used here, and what they can enforce: is the program
// there, does a daemon answer, may we talk to it, which runtime and which cgroups does it have. The
// facts are read once; engine/container decides by them and by nothing else of this machine.
//
// Loop thread.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// What the environment says, read by app/ and passed in.
struct ContainerEnvironment {
  /// The setting `docker_socket`: a path, or "unix://<path>"; "" goes by the next two.
  std::string docker_socket;
  std::string docker_host;     // $DOCKER_HOST
  std::string docker_context;  // $DOCKER_CONTEXT
  std::string home;            // $HOME, for ~/.docker/config.json
  /// The whole environment, for the docker and podman programs (credentials, PATH, XDG folders).
  std::vector<std::pair<std::string, std::string>> variables;
};

/// A ulimit that must be given, because the engine's own default cannot be set here.
struct ContainerUlimit {
  std::string name;
  std::int64_t value = 0;  // soft and hard
};

/// Docker or Podman as they are on this machine.
struct ContainerProgram {
  dsl::EngineName name = dsl::EngineName::Docker;  // or Podman
  std::string command;                             // absolute path of the program; "" not installed
  std::string socket;   // Docker: where the daemon listens. Podman: "", the engine starts a service
  std::string version;  // "20.10.24"
  std::string runtime;  // OCI runtime by name, the engine's default
  std::vector<std::string> runtimes;  // all that `runtime:` may name
  int cgroup_version = 1;
  bool rootless = false;      // root inside is the calling user
  bool remaps_users = false;  // dockerd --userns-remap: containers must ask for the host's users
  bool limits_memory = false;
  bool limits_swap = false;  // false: a memory limit does not count swap
  bool limits_pids = false;
  bool limits_cpus = false;
  bool mounts_overlays = false;  // a volume of type overlay can be mounted: it runs as real root
  std::vector<std::string> service_options;  // Podman: before `system service`
  std::vector<ContainerUlimit> ulimits;      // given to every container
  /// For the docker and podman programs: ContainerEnvironment::variables, and DOCKER_HOST where the
  /// socket was not told by it.
  std::vector<std::pair<std::string, std::string>> variables;
};

/// An Error says what is missing and what to do about it: the program is not installed, no daemon
/// runs, its socket may not be used, it is on another machine, or podman has no runtime that goes
/// with this machine's cgroups. `done` is called once, within half a minute.
void probe_container_program(EventLoop& loop,
                             dsl::EngineName name,
                             const ContainerEnvironment& environment,
                             std::function<void(dsl::Result<ContainerProgram>)> done);

/// The path of the socket that an address names. An Error for "tcp://", "ssh://" and the like:
/// workspaces are folders of this machine.
dsl::Result<std::string> socket_path(const std::string& address);

}  // namespace runner
