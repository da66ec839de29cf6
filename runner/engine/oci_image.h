#pragma once

// Image archives: OCI image layout in a tar file, and what `docker save` and `podman save` write.
// Wraps libarchive, which appears in the .cpp files of this topic only. Blocks; call it on the
// pool.
//
// An archive is not trusted: every blob's digest is checked, nothing is written outside of the
// folder whatever names and links it holds, devices are left out, setuid and setgid bits are
// dropped (a job could not use them, other users of this machine could).

#include <string>

#include "dsl/result.h"
#include "runner/engine/image_config.h"

namespace runner {

/// A root filesystem that is ready to be the lower folder of a job's root.
struct RootImage {
  std::string digest;  // "sha256:…"
  std::string root;    // folder
  ImageConfig config;
};

/// Unpacks the archive to `<state_dir>/images/<digest>` unless it is there. On Error nothing of it
/// is left. Other runners may do the same at the same time.
dsl::Result<RootImage> unpack_image(const std::string& state_dir, const std::string& archive);

}  // namespace runner
