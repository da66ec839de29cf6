#pragma once

// What pipe-init reported (runner/init/protocol.h), as a JobEnd. Any thread.

#include <optional>
#include <string_view>

#include "runner/run/job.h"

namespace runner {

/// `how`, `code` and `detail` are filled in; nothing where there was no whole report: then
/// pipe-init itself did not come to its end.
std::optional<JobEnd> read_init_report(const Job& job, std::string_view report);

}  // namespace runner
