#pragma once

// What of a change reaches beyond the node that made it (runner/run/flagged.h), found in the trees:
// also links, names that other file systems take for one, repositories inside the tree, and values
// of secrets. Any thread that holds the Objects; costs what differs, and where there are secrets to
// read it.

#include <vector>

#include "dsl/result.h"
#include "runner/run/flagged.h"
#include "runner/run/masking.h"
#include "runner/sys/git.h"

namespace runner {

/// What any of the trees would bring to one that has `before`; all are of files that are delivered:
/// of commits. Sorted by path.
dsl::Result<std::vector<FlaggedPath>> flagged_changes(git::Objects& objects,
                                                      const git::Oid& before,
                                                      const std::vector<git::Oid>& trees,
                                                      const Masking& secrets);

}  // namespace runner
