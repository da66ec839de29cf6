#pragma once

// What Docker and Podman say of themselves, as the facts by which we decide. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

#include "dsl/result.h"
#include "runner/engine/container_probe.h"

namespace runner {

/// Docker's reply to GET /info. An Error where it is not that.
dsl::Status read_docker_info(const std::string& json, ContainerProgram& program);

/// What `podman info --format json` prints, and what this machine is like.
struct PodmanMachine {
  bool hybrid_cgroups = false;   // controllers in version 1, and a version 2 tree beside them
  bool may_raise_limits = true;  // CAP_SYS_RESOURCE
  std::int64_t hard_files = 0;   // our own hard limits; -1: none
  std::int64_t hard_processes = 0;
  std::int64_t pid_max = 32'768;  // the greatest process id
  bool has_runc = false;
};
dsl::Status read_podman_info(const std::string& json,
                             const PodmanMachine& machine,
                             ContainerProgram& program);

/// What a container has written above its image, of what the engine says of it when asked for its
/// size. No value: it does not say.
std::optional<std::int64_t> written_bytes(const std::string& inspected);

/// Its first process, as its engine's machine numbers it.
struct ContainerProcess {
  pid_t pid = 0;          // 0: it does not run
  std::string container;  // the whole id
};
ContainerProcess first_process(const std::string& inspected);

}  // namespace runner
