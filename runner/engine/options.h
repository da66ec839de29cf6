#pragma once

// What the engines are told when they are made. Plain data; any thread.

#include <string>

#include "dsl/units.h"

namespace runner {

struct EngineOptions {
  /// The run store (absolute). Engines keep their own files beneath it: `bin/` pipe-init, `images/`
  /// unpacked images, `engine/` what must be found again after a crash.
  std::string state_dir;

  /// Whose containers, images and cgroups are whose: other stores use the same daemons and cgroups,
  /// and their runs may have the same names. "" : there is no store yet, so nothing is left of it.
  std::string store_id;

  // ---- sandbox ----
  std::string bwrap = "bwrap";                    // path, or a name looked up in PATH
  dsl::Bytes tmp_size{2LL << 30};                 // of a job's own /tmp, which lives in memory
  dsl::Bytes shm_size{64LL << 20};                // of its /dev/shm
  std::string cgroup_root = "/sys/fs/cgroup";     // where the cgroup file systems are mounted
  std::string own_cgroups = "/proc/self/cgroup";  // which cgroups we are in ourselves
};

}  // namespace runner
