#pragma once

// From what a session has resolved of a plan to the document that people approve. Loop thread.

#include <optional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "dsl/sealed_plan.h"
#include "runner/run/engine.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"

namespace runner {

/// How a plan was compiled, and from what.
struct PlanSources {
  dsl::PlanOrigin origin;
  std::vector<dsl::SealedFile> files;  // what the compiler read
};

/// Beneath the folder of a run that began from a sealed plan.
inline constexpr const char* kSealedFile = "sealed.json";

/// What the run began from; no value: from no sealed plan.
dsl::Result<std::optional<dsl::SealedPlan>> sealed_of_run(const std::string& run_folder);

// The document is made in steps, as a run learns what it needs: each replaces its part, and a
// sealed plan can be looked at for drift after each.

/// What the files of the pipeline say; the rest of `sealed` stays. `plan` as compiled, paths
/// relative.
dsl::SealedPlan as_far_as_files_say(dsl::SealedPlan sealed,
                                    dsl::Plan plan,
                                    const PlanSources& sources);

/// What the commands of secrets run, before they are. `plan` as a run has it, paths absolute.
dsl::Status add_programs(const dsl::Plan& plan, dsl::SealedPlan& sealed);

/// Where the branch is pushed, if it is.
dsl::Status add_remote(const dsl::Plan& plan, const Project& project, dsl::SealedPlan& sealed);

/// The input, and what it has of the files by which `sealed.plan` is judged. An Error where they
/// cannot be read.
dsl::Status add_input(const Project& project, TreeStore& trees, dsl::SealedPlan& sealed);

/// Where the nodes run: `engines` and `digests` by plan node, as a run has them.
std::vector<dsl::SealedPlace> sealed_places(const dsl::Plan& plan,
                                            const std::vector<Engine*>& engines,
                                            const std::vector<std::string>& digests);

/// Why a run must not start from `sealed` now: a part that drifted in each, named; empty: it may.
std::vector<dsl::Error> drift_of(const dsl::SealedPlan& sealed, const dsl::SealedPlan& now);

}  // namespace runner
