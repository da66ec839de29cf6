#pragma once

// Files of this machine that hold values of secrets, and how they stay out of what tasks get.

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"

namespace runner {

/// `env_files` and those that the plan names. REQUIRES: its paths are absolute.
std::vector<std::string> secret_files(const dsl::Plan& plan, std::vector<std::string> env_files);

/// An Error where one of them is part of the project's tree: a repository's commit is taken as it
/// is, and every task would have what git tracks. May block on the disk.
dsl::Status check_are_apart(const std::vector<std::string>& secret_files,
                            const Project& project,
                            TreeStore& trees);

}  // namespace runner
