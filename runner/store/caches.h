#pragma once

// Folders that nodes keep from run to run (`cache:`), by key: a copy is put into the workspace
// before, and saved once after a node that passed. Never shared for writing.
//
//   <caches>/<sha256 of the key>/<number of the path>/…
//
// Any thread; several processes may share the folder.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/sys/fd.h"

namespace runner {

/// Where the paths of a cache lie: "~/x" beneath `home`, everything else beneath `workspace`.
struct CacheRoots {
  int workspace = -1;
  int home = -1;
};

class Caches {
 public:
  explicit Caches(std::string folder) : folder_(std::move(folder)) {}

  /// Copies what is kept under the key, if anything. Paths that are there already stay as they are.
  dsl::Status restore(const CachePath& cache, const CacheRoots& roots) const;

  /// Keeps what is at the paths now, unless the key is known. Paths that are not there are left
  /// out.
  dsl::Status save(const CachePath& cache, const CacheRoots& roots) const;

 private:
  [[nodiscard]] std::string folder_of(const std::string& key) const;

  const std::string folder_;
};

}  // namespace runner
