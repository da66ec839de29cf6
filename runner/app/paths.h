#pragma once

// The paths of a plan are relative to the pipeline file; a run may be resumed from anywhere. Pure
// but for the current folder.

#include <string>

#include "dsl/plan.h"

namespace runner {

/// The workspace's source and the images that are files or folders, made absolute.
void make_paths_absolute(dsl::Plan& plan, const std::string& pipeline_file);

/// Whose caches a run of the plan finds again. REQUIRES: absolute paths.
std::string cache_owner(const dsl::Plan& plan, bool rehearsal);

}  // namespace runner
