#pragma once

// For the git*.cpp of this folder alone: git's objects as bytes and back. Any thread; pure.

#include <optional>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner::git {

/// "100644" and its like; no value: git knows no such mode.
std::optional<Kind> kind_of(std::string_view mode);

/// An Error for bytes that are no tree or commit; `id` is for its text.
dsl::Result<Entries> parse_tree(const Oid& id, std::string_view bytes);
dsl::Result<Commit> parse_commit(const Oid& id, std::string_view rest);

std::string tree_bytes(Entries entries);
std::string commit_bytes(const Commit& commit);

/// Where a loose object lies in the folder of objects.
std::string loose_name(const Oid& id);

/// What is said of an object that is not there.
dsl::Error missing(const Oid& id);

}  // namespace runner::git
