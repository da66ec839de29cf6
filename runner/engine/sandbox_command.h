#pragma once

// The command line that starts one job in bubblewrap. Pure; any thread.

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "runner/engine/options.h"
#include "runner/engine/system_image.h"
#include "runner/run/job.h"

namespace runner {

/// Numbers of the descriptors that the command finds open.
struct SandboxDescriptors {
  static constexpr int kSeccomp = 3;  // the filter; bubblewrap reads it
  static constexpr int kInit = 4;     // the program pipe-init; it is executed from here
  static constexpr int kControl = 5;  // to and from pipe-init
  static constexpr int kSpec = 6;     // the job's command
  static constexpr int kUserNamespace = 7;
  static constexpr int kNetworkNamespace = 8;
};

struct SandboxProgram {
  std::string bwrap;  // absolute path
  std::string init;   // absolute path of pipe-init
  uid_t uid = 0;      // ours
  gid_t gid = 0;
  [[nodiscard]] bool is_root() const { return uid == 0; }
};

/// An overlay that is mounted before the sandbox starts, in a mount namespace of its own.
struct OverlayMount {
  std::string target;
  std::string upper;
  std::string work;
  std::vector<std::string> lower;  // topmost first
};

/// What a job sees as `/`.
struct SandboxRoot {
  const SystemImage* system = nullptr;  // image `host`; else `folder` is the root
  std::string folder;                   // writable, private to the job
};

/// Where a job's loopback comes from.
enum class SandboxNetwork { Own, Joined };

struct SandboxSetup {
  SandboxRoot root;
  std::vector<OverlayMount> overlays;
  std::vector<std::string> cgroups;  // folders to join
  SandboxNetwork network = SandboxNetwork::Own;
  bool root_capabilities = false;  // those of root_in_image.h; else none
};

/// The user and group that a job is inside, or nothing where it is simply ours.
struct InnerUser {
  bool mapped = false;
  long uid = 0;
  long gid = 0;
};

/// "" and "host" are ourselves, "root" is 0, "N" or "N:M" these numbers; an Error for a name.
dsl::Result<InnerUser> inner_user(const std::string& user, const SandboxProgram& program);

/// Everything of the machine that the command mounts or writes to, absolute.
std::vector<std::string> host_paths(const SandboxSetup& setup, const Job& job);

/// REQUIRES: inner_user(job.user) is no Error.
std::vector<std::string> sandbox_command(const SandboxProgram& program,
                                         const EngineOptions& options,
                                         const SandboxSetup& setup,
                                         const Job& job);

}  // namespace runner
