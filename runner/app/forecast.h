#pragma once

// What a run of a plan is going to take: which results are there already, how long the rest took
// before, and what limits it at worst. Loop thread; blocks on the disk.

#include <string>
#include <vector>

#include "dsl/sealed_plan.h"
#include "runner/run/clock.h"
#include "runner/run/result_cache.h"
#include "runner/run/trees.h"

namespace runner {

struct ForecastRequest {
  const dsl::Plan& plan;  // as a run has it, paths absolute
  TreeRef input;
  const std::vector<std::string>& images;  // digests by plan node
  Trees& trees;
  ResultCache& cache;
  Clock& clock;
  bool reuse = true;
};

/// Goes through the run as far as earlier results lead, without running anything: what comes below
/// a task that has to run is unknown yet.
dsl::Forecast forecast_of(const ForecastRequest& request);

}  // namespace runner
