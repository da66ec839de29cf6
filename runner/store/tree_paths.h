#pragma once

// Trees seen as paths: look one up, change one, unite two trees, compare two. Equal subtrees are
// recognised by their ids and never read, so the cost is that of what differs. Paths are bytes with
// '/' between names. Unlike in git itself a folder without entries may be part of a tree (of
// artifacts, and of what is laid out for a job).
//
// Any thread that holds the Objects.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner {

/// Deeper trees are refused: neither the stack nor the open descriptors may depend on input.
constexpr int kMaxTreeDepth = 256;

/// No value: no such path. "" is the tree itself.
dsl::Result<std::optional<git::Entry>> find_entry(git::Objects& objects,
                                                  const git::Oid& tree,
                                                  std::string_view path);

/// The tree with `entry` (its name does not matter) at `path`, whatever was there or above it; no
/// value removes it, and with it the folders that it leaves empty.
dsl::Result<git::Oid> put_entry(git::Objects& objects,
                                const git::Oid& tree,
                                std::string_view path,
                                const std::optional<git::Entry>& entry);

/// The first tree with the second's entries added where it has none.
dsl::Result<git::Oid> unite_trees(git::Objects& objects,
                                  const git::Oid& first,
                                  const git::Oid& second);

/// A file (or link, submodule, or folder without entries) that two trees do not share.
struct Difference {
  std::string path;
  std::optional<git::Entry> before;  // no value: not there
  std::optional<git::Entry> after;
};

/// Sorted by path. No value: there are more than `most` differences.
dsl::Result<std::optional<std::vector<Difference>>> diff_trees(git::Objects& objects,
                                                               const git::Oid& before,
                                                               const git::Oid& after,
                                                               std::size_t most);

/// Every file, link, submodule and empty folder, sorted within each folder.
dsl::Status for_each_entry(
    git::Objects& objects,
    const git::Oid& tree,
    const std::function<dsl::Status(const std::string& path, const git::Entry& entry)>& each);

/// The entry of that name, or null.
const git::Entry* entry_named(const git::Entries& entries, std::string_view name);

}  // namespace runner
