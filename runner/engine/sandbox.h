#pragma once

// The embedded engine: jobs in bubblewrap, without any daemon, as root or as an ordinary user.
//
// Every job has its own pid, mount, network (loopback only), ipc, uts and cgroup namespace (and
// user namespace, but where we are root), no capabilities, no new privileges, the filter of
// seccomp.h, exactly its own environment, a private /tmp of limited size, and pipe-init as
// process 1. It dies with the runner. containment.md tells what that protects from.
//
// Images: `host` (system_image.h), an unpacked root filesystem and an OCI archive, both below a
// writable layer that is private to the job. Other kinds are unsupported, with a remedy.

#include <memory>
#include <optional>
#include <string>

#include "dsl/result.h"
#include "runner/engine/options.h"
#include "runner/run/engine.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// What there is to run sandboxes with.
struct SandboxProbe {
  std::string bwrap;    // absolute path, "" is not installed
  std::string version;  // "0.8.0"
  bool overlays = false;
  std::optional<dsl::Error> trouble;  // no sandbox can be started, and what to do about it
};

/// Starts an empty sandbox and mounts an overlay; some 10 ms, blocks. Any thread.
SandboxProbe probe_sandbox(const EngineOptions& options);

/// Where the probe found trouble, `unsupported` says so of every job.
std::unique_ptr<Engine> make_sandbox_engine(EventLoop& loop, const EngineOptions& options);

}  // namespace runner
