#pragma once

// Trees become files. Bytes are those of the objects (no filters, no line endings), modes 0644 and
// 0755, links are made and never followed, folders without entries and submodules become empty
// folders. Any thread that holds the Objects.

#include <string>

#include "dsl/result.h"
#include "runner/store/stamps.h"
#include "runner/sys/git.h"

namespace runner {

/// Lays `tree` out in an empty folder. `stamps`, where not null, notes every file. On Error some of
/// it is there.
dsl::Status check_out(git::Objects& objects, const git::Oid& tree, int folder, StampBook* stamps);

/// What an overlay needs above a folder with `before` to show `after`: new and changed files, and
/// whiteouts for what is gone. An Error where the file system refuses whiteouts.
dsl::Status check_out_layer(git::Objects& objects,
                            const git::Oid& before,
                            const git::Oid& after,
                            int folder);

/// One file or link. `name` must not be there.
dsl::Status write_entry(git::Objects& objects,
                        const git::Entry& entry,
                        int folder,
                        const std::string& name);

}  // namespace runner
