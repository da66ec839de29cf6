#pragma once

// Hands a job's command, environment and folder to pipe-init (the spec of runner/init/protocol.h).
// They go through memory, not through arguments, where every user of the machine could read them.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/job.h"
#include "runner/sys/fd.h"

namespace runner {

/// The spec's bytes.
std::string job_spec_bytes(const Job& job, const std::vector<std::string>& cgroups);

/// A file in memory that holds the spec. `cgroups`: folders that pipe-init joins before the command
/// starts.
dsl::Result<Fd> make_job_spec(const Job& job, const std::vector<std::string>& cgroups);

}  // namespace runner
