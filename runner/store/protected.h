#pragma once

// Paths that a job may not change: put back to how they were, before a check sees them and when
// what a job left is taken. Any thread that holds the Objects.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

/// `both` with everything at `paths` (files, folders with or without a final '/', or patterns as in
/// dsl/glob.h) as it is in `from`: also gone where it was not there, and also where something else
/// is in its way now, a link or a file in the place of a folder above it. An Error for a path that
/// leads out.
dsl::Result<Halves> put_back(git::Objects& objects,
                             Halves both,
                             const std::vector<std::string>& paths,
                             const Halves& from);

/// What the files at `paths` are put back to: as they are in `approved`, and those that it does not
/// have as they are in `verified`, which stands on it.
dsl::Result<Halves> approved_first(git::Objects& objects,
                                   const Halves& approved,
                                   const Halves& verified,
                                   const std::vector<std::string>& paths);

}  // namespace runner
