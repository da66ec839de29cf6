#pragma once

// What pipe-init reported (runner/init/protocol.h), as a JobEnd. Any thread.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runner/run/job.h"

namespace runner {

/// `how`, `code` and `detail` are filled in; nothing where there was no whole report: then
/// pipe-init itself did not come to its end.
std::optional<JobEnd> read_init_report(const Job& job, std::string_view report);

/// What was denied to the job, by the lines of `report` that tell of it, which are taken out.
std::vector<JobEnd::Denial> take_denials(const Job& job, std::string& report);

}  // namespace runner
