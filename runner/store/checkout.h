#pragma once

// Trees become files. Bytes are those of the objects (no filters, no line endings), modes 0644 and
// 0755, links are made and never followed, folders without entries and submodules become empty
// folders. Any thread that holds the Objects.

#include <string>

#include "dsl/result.h"
#include "runner/store/stamps.h"
#include "runner/sys/git.h"

namespace runner {

/// A folder in which a tree was laid out before and that nobody writes any more: files that it
/// shares with a new one are linked rather than written. Its files may be there only in part.
struct Donor {
  git::Oid tree;
  int folder = -1;  // -1: there is none
};

/// Lays `tree` out in an empty folder. `stamps`, where not null, notes every file. On Error some of
/// it is there.
dsl::Status check_out(git::Objects& objects, const git::Oid& tree, int folder, StampBook* stamps);

/// The same for a folder that will never be written again either.
dsl::Status check_out_shared(git::Objects& objects,
                             const git::Oid& tree,
                             int folder,
                             const Donor& donor);

/// What an overlay needs above a folder with `before` to show `after`: new and changed files, and
/// whiteouts for what is gone. An Error where the file system refuses whiteouts.
dsl::Status check_out_layer(git::Objects& objects,
                            const git::Oid& before,
                            const git::Oid& after,
                            int folder,
                            const Donor& donor = {});

/// One file or link. `name` must not be there.
dsl::Status write_entry(git::Objects& objects,
                        const git::Entry& entry,
                        int folder,
                        const std::string& name);

}  // namespace runner
