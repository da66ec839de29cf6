#pragma once

#include "dsl/result.h"
#include "runner/run/job.h"

namespace runner {

/// The end of a job that the world did not let run: How::Lost, with the error and its remedy.
JobEnd lost_job(const dsl::Error& why);

}  // namespace runner
