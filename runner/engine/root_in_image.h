#pragma once

// What a job that is root inside an image (`user: root`) has beyond others: enough to install
// packages there, and a `sudo` that gives it nothing new. Any thread.

#include <string>

#include "dsl/result.h"
#include "runner/run/job.h"

namespace runner {

/// The capabilities, without "CAP_". A job has none of the others, ever.
inline constexpr const char* kRootCapabilities[] = {
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"};

/// Not in the image `host`, which is the machine's own.
bool is_root_in_image(const Job& job);

/// Mounts /usr/local/bin/sudo into such a job, from a file beneath `<state_dir>/engine/`.
dsl::Status add_sudo(const std::string& state_dir, Job& job);

}  // namespace runner
