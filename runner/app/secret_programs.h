#pragma once

// What the commands of secrets are on this machine: a sealed plan holds their content, as they run
// with the rights of whoever starts the run and see what they are to give. Any thread; blocks on
// the disk.

#include <vector>

#include "dsl/plan.h"
#include "dsl/result.h"
#include "dsl/sealed_plan.h"

namespace runner {

/// The program of each command of a secret, wherever it is found, and the files that its arguments
/// name (the script of `[python3, tools/token.py]`): each once, by the name that the plan has for
/// it. Relative ones lie in the workspace's source, which is absolute, where the commands run. An
/// Error for a program that is not there.
dsl::Result<std::vector<dsl::SealedFile>> programs_of_secrets(const dsl::Plan& plan);

}  // namespace runner
