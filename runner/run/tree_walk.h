#pragma once

// Where a path of a tree leads, for checks that look at files. Loop thread.

#include <cstdint>
#include <string>

#include "dsl/result.h"
#include "runner/run/trees.h"

namespace runner {

/// No more of a file is read.
constexpr std::int64_t kMostOfAFile = 16LL << 20;

struct Reached {
  PathKind kind = PathKind::Absent;  // never Link
  bool leads_out = false;            // of the workspace: what is there, nobody can tell
  std::string why_not;               // for people: why there is no file; "" where there is
  TreeFile file;                     // REQUIRES: kind is File
};

/// Follows links as a process in the workspace would, but never out of it.
dsl::Result<Reached> follow(Trees& trees, const TreeRef& tree, const std::string& path);

}  // namespace runner
