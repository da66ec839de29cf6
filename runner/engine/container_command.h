#pragma once

// What a job is to the container engine: the JSON that creates its container and the bytes that
// tell pipe-init what to run. Pure; any thread.
//
// The command, its environment and its secrets are never part of the container, where `docker
// inspect` would show them: they go to pipe-init over the attached standard input.

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "dsl/result.h"
#include "runner/engine/container_probe.h"
#include "runner/engine/image_config.h"
#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/run/job.h"

namespace runner {

/// The calling user, to whom everything in a workspace must belong in the end.
struct Caller {
  uid_t uid = 0;
  gid_t gid = 0;
};

/// An image that is present, as its engine describes it.
struct ContainerImage {
  std::string id;  // "sha256:…"; jobs are made from it, whatever its tag means by then
  ImageConfig config;
};

struct ContainerSetup {
  const ContainerProgram& program;
  const EngineOptions& options;
  Caller caller;
  std::string init_path;      // pipe-init on this machine
  std::string resolver_file;  // for /etc/resolv.conf
};

inline constexpr const char* kStoreLabel = "pipe.store";
inline constexpr const char* kRunLabel = "pipe.run";
inline constexpr const char* kNodeLabel = "pipe.node";
inline constexpr const char* kJobLabel = "pipe.job";

/// What a container is called: names are unique in a daemon, those of jobs only in their store.
std::string container_name(const EngineOptions& options, const std::string& name);

/// The body of POST /containers/create. `holder` is the container whose loopback the job joins, ""
/// none.
std::string create_body(const ContainerSetup& setup,
                        const Job& job,
                        const ContainerImage& image,
                        const std::string& holder);

/// The body for the container that holds the loopback of a network group. It runs nothing.
std::string holder_body(const ContainerSetup& setup,
                        const std::string& network,
                        const Job& first_job,
                        const ContainerImage& image);

/// What pipe-init is sent once the container runs (init/protocol.h): the job, completed from the
/// image. `filter` is the system call filter of seccomp.h, `end_mark` that of end_mark.h ("" none).
std::string init_request(const Job& job,
                         const ContainerImage& image,
                         std::string_view filter,
                         std::string_view end_mark);

/// All that Engine::unsupported of a container engine has to say.
std::vector<dsl::Error> unsupported_by(const ContainerProgram& program, const JobNeeds& needs);

}  // namespace runner
