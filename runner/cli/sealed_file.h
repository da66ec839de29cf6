#pragma once

// Sealed plans as files. Main thread.

#include <string>

#include "dsl/result.h"
#include "dsl/sealed_plan.h"
#include "runner/app/plan_approval.h"

namespace runner::cli {

/// Whether the text names a file and no run: "plan.json", "./plan".
bool looks_like_plan_file(const std::string& text);

/// The Error names the file.
dsl::Result<dsl::SealedPlan> read_sealed_plan(const std::string& path);
dsl::Status write_sealed_plan(const std::string& path, const dsl::SealedPlan& plan);

/// The first digits of its digest: what people tell each other.
std::string short_digest(const dsl::SealedPlan& plan);

/// A line for what the run takes: "3m12s expected, at most 2h and $5.00".
std::string forecast_text(const dsl::Forecast& forecast);

}  // namespace runner::cli
