#pragma once

// An image that its user has unpacked already. Blocks; call it on the pool.

#include <string>

#include "dsl/result.h"
#include "runner/engine/oci_image.h"

namespace runner {

/// The folder as it is. Its digest is over names, modes and contents, so that equal ones are equal
/// wherever and whenever they were unpacked; `<state_dir>/images/folders/` remembers it by what
/// changes with any file, so that it is read once. Of what this process may not read, that stands
/// for the content.
dsl::Result<RootImage> open_root_filesystem(const std::string& state_dir,
                                            const std::string& folder);

}  // namespace runner
