#pragma once

// Where a path of a tree leads: for checks that look at files, and for what is protected. Any
// thread that may ask the tree.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"

namespace runner {

/// What has to be known of a tree: of paths without a link above them.
struct TreeLookup {
  std::function<dsl::Result<PathKind>(const std::string& path)> kind_of;
  std::function<dsl::Result<std::string>(const std::string& link)> target_of;
};

struct Led {
  PathKind kind = PathKind::Absent;  // never Link
  bool leads_out = false;            // of the workspace: what is there, nobody can tell
  std::string why_not;               // for people: why there is no file; "" where there is
  std::string path;  // without links; of what is absent where it would be; "" the workspace itself
  std::vector<std::string> links;  // gone through on the way, each by its path without links
};

/// Follows links as a process in the workspace would, but never out of it.
dsl::Result<Led> lead(const TreeLookup& tree, const std::string& path);

/// No more of a file is read.
constexpr std::int64_t kMostOfAFile = 16LL << 20;

struct Reached {
  PathKind kind = PathKind::Absent;  // never Link
  bool leads_out = false;            // of the workspace: what is there, nobody can tell
  std::string why_not;               // for people: why there is no file; "" where there is
  TreeFile file;                     // REQUIRES: kind is File
};

/// As `lead`, and reads what is there.
dsl::Result<Reached> follow(Trees& trees, const TreeRef& tree, const std::string& path);

}  // namespace runner
