#pragma once

// What can be asked of a tree, once somebody has borrowed the objects. Any thread; may block on the
// disk.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

/// The tree of a commit; the empty one for "".
dsl::Result<git::Oid> tree_of(git::Objects& objects, const std::string& commit);

dsl::Result<Halves> halves_of(git::Objects& objects, const TreeRef& tree);

// The rest as in Trees.

dsl::Result<std::optional<TreeFile>> read_file(git::Objects& objects,
                                               const Halves& both,
                                               const std::string& path,
                                               std::int64_t cap);

dsl::Result<PathKind> kind_of(git::Objects& objects, const Halves& both, const std::string& path);

/// The object id of what is at the path: equal files, and equal folders, have equal ids; "" where
/// nothing is.
dsl::Result<std::string> id_of(git::Objects& objects, const Halves& both, const std::string& path);

dsl::Result<std::vector<ChangedPath>> changes(git::Objects& objects,
                                              const Halves& before,
                                              const Halves& after);

dsl::Result<std::string> hash_files(git::Objects& objects,
                                    const Halves& both,
                                    const std::vector<std::string>& globs);

}  // namespace runner
