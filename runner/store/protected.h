#pragma once

// Paths that a job may not change: put back to how they were, before a check sees them and when
// what a job left is taken. Any thread that holds the Objects.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

/// A path as it is written under `protect`, without a final '/' and a leading "./". An Error where
/// it leads out.
dsl::Result<std::string> plain_path(std::string path);
/// Whether it is a pattern too: a file may be called so.
bool is_pattern(const std::string& path);

/// `both` with everything at `paths` (files, folders with or without a final '/', or patterns as in
/// dsl/glob.h) as it is in `from`: also gone where it was not there, and also where something else
/// is in its way now, a link or a file in the place of a folder above it. An Error for a path that
/// leads out.
dsl::Result<Halves> put_back(git::Objects& objects,
                             Halves both,
                             const std::vector<std::string>& paths,
                             const Halves& from);

/// The topmost entries of `tree` at `paths`: none beneath another, sorted, at most `most`; for
/// patterns the files that match. What is reached through a link, or is one, is not among them.
struct NamedEntries {
  std::vector<std::pair<std::string, git::Entry>> entries;
  std::size_t more = 0;  // beyond `most`
};
dsl::Result<NamedEntries> named_entries(git::Objects& objects,
                                        const git::Oid& tree,
                                        const std::vector<std::string>& paths,
                                        std::size_t most);

/// What the files at `paths` are put back to: as they are in `approved`, and those that it does not
/// have as they are in `verified`, which stands on it.
dsl::Result<Halves> approved_first(git::Objects& objects,
                                   const Halves& approved,
                                   const Halves& verified,
                                   const std::vector<std::string>& paths);

}  // namespace runner
