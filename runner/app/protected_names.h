#pragma once

#include <string>
#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"

namespace runner {

/// Warnings of what a file's author protects and the run does not begin with, often a misspelt
/// name; and of links among it that lead to what is not protected. `own_file_name` is the pipeline
/// file's, which is protected whether it is there or not. May block on the disk.
std::vector<dsl::Error> doubts_about_protection(const dsl::Plan& plan,
                                                const std::string& own_file_name,
                                                const Project& project,
                                                TreeStore& trees);

}  // namespace runner
