#pragma once

// What tells one state of the machine's software from another, so that results of an older one are
// not taken from a cache. Blocks; call it on the pool.

#include <cstddef>
#include <string>

#include "dsl/digest.h"

namespace runner {

/// "sha256:…" over the package managers' own records, and what lies in /usr/bin, /usr/sbin,
/// /usr/local and /opt beside them. Machines of the same image have the same.
std::string installed_software_digest();

/// Adds the names, modes, sizes and times of what is beneath `folder`, which may be missing. What
/// is nearest to the top comes first: where there is more than `most`, folders deeper down are
/// known by their own times only.
void add_stamps_beneath(const std::string& folder, std::size_t most, dsl::Sha256& digest);

}  // namespace runner
