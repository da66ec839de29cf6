#pragma once

// What of a change reaches beyond the node that made it (runner/run/flagged.h), found in the trees:
// also links, names that other file systems take for one, and repositories inside the tree. Any
// thread that holds the Objects; costs what differs.

#include <vector>

#include "dsl/result.h"
#include "runner/run/flagged.h"
#include "runner/sys/git.h"

namespace runner {

/// Of files that are delivered: of two trees of commits. Sorted by path.
dsl::Result<std::vector<FlaggedPath>> flagged_changes(git::Objects& objects,
                                                      const git::Oid& before,
                                                      const git::Oid& after);

/// What any of the trees would bring. Sorted by path.
dsl::Result<std::vector<FlaggedPath>> flagged_changes(git::Objects& objects,
                                                      const git::Oid& before,
                                                      const std::vector<git::Oid>& trees);

}  // namespace runner
