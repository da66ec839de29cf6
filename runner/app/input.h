#pragma once

// What a run starts from: the project as it is now, without what a task must never get. Loop
// thread; blocks on the disk, for minutes where the project is large.

#include <functional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/clock.h"
#include "runner/store/project.h"
#include "runner/store/tree_store.h"

namespace runner {

struct InputRequest {
  std::string folder;                  // absolute
  std::string place;                   // "file:line:column" where it is named, "" nowhere
  bool include_dirty = false;          // uncommitted changes of a repository are taken too
  std::string branch;                  // of a repository, in place of HEAD; "" HEAD
  std::string commit;                  // the same, as git knows it; "" HEAD
  std::vector<std::string> secrets;    // absolute paths of files with values of secrets
  std::vector<std::string> not_input;  // absolute paths that are never taken either
  std::function<void(const std::string& note)> say;  // how it goes, for people; may be empty
};

/// Errors: those of `take_project`, at the place that names the folder, and a file of secrets that
/// git tracks.
dsl::Result<Project> take_input(const InputRequest& request, TreeStore& trees, const Clock& clock);

}  // namespace runner
