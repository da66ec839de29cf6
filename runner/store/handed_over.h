#pragma once

// What a job was to hand over, found in what it left. Any thread that holds the Objects.

#include <string>
#include <utility>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

/// A declared output, at most 1 MiB, or why there is none. In an overlay a file that the job did
/// not write is only in the trees.
dsl::Result<std::string> read_output(git::Objects& objects,
                                     const PreparedWorkspace& workspace,
                                     const Halves& after,
                                     const dsl::OutputDecl& output);

/// The patterns of artifacts that match nothing of what the job left, as (what, why) for people.
dsl::Result<std::vector<std::pair<std::string, std::string>>> missing_artifacts(
    git::Objects& objects, const std::vector<dsl::ArtifactDecl>& artifacts, const Halves& after);

}  // namespace runner
