#pragma once

// Files become trees: what a job left in its workspace, or a user's folder. Treats everything it
// finds as hostile: links are stored and never followed, only regular files are read, nothing
// blocks, set-user-id and sticky bits are dropped, `.git` is never looked into. Any thread that
// holds the Objects.

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/glob.h"
#include "dsl/result.h"
#include "runner/store/stamps.h"
#include "runner/sys/git.h"

namespace runner {

/// The two halves of a state of files: what belongs to the history, and the declared rest. Their
/// union is what lies in a workspace.
struct Halves {
  git::Oid files = git::empty_tree();
  git::Oid artifacts = git::empty_tree();
  bool operator==(const Halves&) const = default;
};

enum class Scanned {
  Whole,       // the folder holds everything
  OverlayTop,  // the upper folder of an overlay: changes to `before`, whiteouts for what is gone
};

struct ScanRequest {
  int folder = -1;
  Scanned what = Scanned::Whole;
  Halves before;           // files in it stay in their half, whatever .gitignore says
  dsl::GlobSet artifacts;  // untracked files that match go to the artifacts
  std::string rules;       // lines as in .gitignore, weaker than those of any .gitignore
  /// Caches: folders whose untracked files are never taken.
  std::vector<std::string> skipped;
  bool has_repository = false;        // ".git" at its top is ours, and not worth a word
  bool has_submodules = false;        // a person's: what lies in one is not worth a word either
  const StampBook* known = nullptr;   // files that need not be read
  StampBook* noted = nullptr;         // gets a stamp of every file that is taken
  std::int64_t max_file = 4LL << 30;  // bytes; larger files are refused
  std::function<void(std::int64_t bytes)> on_read;  // of each file that is read; may be empty
};

struct Scan {
  Halves after;
  std::vector<std::pair<std::string, std::string>> refused;  // path, reason; at most 1,000
  bool touched = false;  // false: the folder was empty, or an overlay without changes
};

/// An Error only for what the system did not let us do (no space, an unreadable folder of another
/// user); what a file itself is to blame for is refused.
dsl::Result<Scan> scan(git::Objects& objects, const ScanRequest& request);

}  // namespace runner
