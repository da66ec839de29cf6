#pragma once

// Which file `uses:` means. Pure; any thread.

#include <string>
#include <string_view>

#include "dsl/result.h"

namespace dsl {

/// `std/…` as it is; `./x.yaml` beneath `folder` (that of the file that says it, "" is the
/// pipeline's), normalised. An Error when it is neither, or leads out of the pipeline's folder.
Result<std::string> resolve_step_path(std::string_view uses, std::string_view folder);

}  // namespace dsl
