#pragma once

// From what a session has resolved of a plan to the document that people approve. Loop thread.

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

/// `engines` and `digests` by plan node, as a run has them; all outlive the call.
struct ResolvedPlan {
  const dsl::Plan& plan;  // as compiled, paths relative
  const PlanSources& sources;
  const Project& project;
  TreeStore& trees;
  const std::vector<Engine*>& engines;
  const std::vector<std::string>& digests;
};

/// Without a forecast. An Error where the input cannot be read.
dsl::Result<dsl::SealedPlan> sealed_plan_of(const ResolvedPlan& resolved);

/// Why a run must not start from `sealed` now: a part that drifted in each, named; empty: it may.
std::vector<dsl::Error> drift_of(const dsl::SealedPlan& sealed, const dsl::SealedPlan& now);

}  // namespace runner
