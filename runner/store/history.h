#pragma once

// What a run has made so far, commit by commit, and what each of them changed: for people who read
// it. Reads objects only; no work tree, configuration or attributes count. Any thread that holds
// the Objects.

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner {

struct RunCommit {
  git::Oid id;
  git::Commit commit;
};

/// The commits that lead from `input` to the tips (hex), parents first, each once. Commits that the
/// store does not own are of the user's repository and not told.
dsl::Result<std::vector<RunCommit>> commits_since(git::Objects& objects,
                                                  const std::string& input,
                                                  const std::vector<std::string>& tips);

inline constexpr std::int64_t kCompareAll = std::numeric_limits<std::int64_t>::max();

/// Calls `each` with every file, link and submodule that differs, sorted by path. The lines of a
/// file of more than 4 MiB are not compared, nor those of one that does not fit into what is left
/// of `most` bytes, of both sides of all files.
dsl::Status for_each_change(git::Objects& objects,
                            const git::Oid& before,
                            const git::Oid& after,
                            std::int64_t most,
                            const std::function<dsl::Status(const git::FileChange&)>& each);

}  // namespace runner
