#pragma once

// Folders that nodes keep from run to run (`cache:`), by key: a copy is put into the workspace
// before, and what the node left there takes its place once the node has passed, criteria included.
// Never shared for writing. Keys belong to a pipeline of a project: nobody's node reads what
// another project's left.
//
//   <caches>/<sha256 of owner and key>/<sha256 of the path>/…
//   <caches>.lock        held while one is read, exclusively while another takes its place
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
  /// `owner` says whose keys they are: project and pipeline.
  Caches(std::string folder, std::string owner)
      : folder_(std::move(folder)), owner_(std::move(owner)) {}

  /// Copies what is kept under the key, if anything. Paths that are there already stay as they are.
  dsl::Status restore(const CachePath& cache, const CacheRoots& roots) const;

  /// Whether something is kept by the key.
  [[nodiscard]] bool has(const std::string& key) const;

  /// Takes what is at the paths now to the folder `staged`, which is on the file system of the
  /// caches and is made; the workspace does not have it any more. Paths that are not there are left
  /// out.
  dsl::Status stage(const CachePath& cache,
                    const CacheRoots& roots,
                    const std::string& staged) const;

  /// Keeps all that is in `staged`, in place of what was under the same keys, and removes `staged`.
  /// One that is not there: nothing is kept.
  dsl::Status keep(const std::string& staged) const;

 private:
  [[nodiscard]] std::string name_of(const std::string& key) const;
  [[nodiscard]] std::string lock_file() const { return folder_ + ".lock"; }

  const std::string folder_;
  const std::string owner_;
};

}  // namespace runner
