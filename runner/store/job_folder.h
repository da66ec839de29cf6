#pragma once

// The folder of one job, made before it and removed or given to another job after it:
//
//   <job>/ws/                 the workspace, or where the engine may mount the overlay
//   <job>/upper/ over/        of an overlay
//   <job>/pipe/home/ outputs/ HOME and what the job hands over
//
// A folder that its job left as it was serves the next job that needs the same files, without a
// file being written: making files and folders costs more than all else that a small job needs.
// Whether it was left alone is read from inode numbers and change times, which no job can forge.
// Any thread; one call at a time for one folder.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"

namespace runner {

/// What a workspace was laid out from, and how its files looked when it was.
struct LaidOut {
  WorkspaceRequest request;  // of the job that it was laid out for
  std::string files;         // as in PreparedWorkspace
  std::string artifacts;
  std::vector<std::string> lower;
  std::vector<ReadOnlyPath> read_only_paths;
  std::size_t left_writable = 0;
  bool is_input = false;  // the job sees request.tree as it is: no protected file was put back

  struct Trace {
    std::string path;  // beneath the job's folder
    ::ino_t inode = 0;
    ::mode_t mode = 0;
    ::uid_t owner = 0;
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    bool operator==(const Trace&) const = default;
  };
  std::vector<Trace> traces;   // of the workspace; folders before what is in them
  std::vector<Trace> scratch;  // of the folders beside it, which are empty

  /// Whether a job that asks for `wanted` may have it.
  [[nodiscard]] bool serves(const WorkspaceRequest& wanted) const;
};

/// Whether the job's workspace is layers under a folder for what it writes.
inline bool is_overlay(const PreparedWorkspace& workspace) {
  return !workspace.mount.lower.empty();
}

/// Where what the job wrote lies on the host.
inline const std::string& written_folder(const PreparedWorkspace& workspace) {
  return is_overlay(workspace) ? workspace.mount.upper : workspace.mount.directory;
}

/// A folder without a job. `laid_out` null: there is nothing in it but the folders of every job.
struct SpareFolder {
  std::string path;
  std::shared_ptr<const LaidOut> laid_out;
};

/// Makes the folders of every job at `path`, or, where `spare` is there already, keeps only those.
dsl::Status make_job_folder(const std::string& path, const SpareFolder* spare);

/// Notes how `folders` of the job at `job`, and all beneath them, look now. False: there is more
/// than is worth looking at again, or the file system's clock is too coarse to show a change that
/// follows at once.
bool note_traces(const std::string& job,
                 const std::vector<std::string>& folders,
                 LaidOut& laid_out);

/// Whether the workspace is as it was laid out; never more than a look at names and times.
[[nodiscard]] bool is_untouched(const std::string& job, const LaidOut& laid_out);

/// The same, and of the folders beside it.
[[nodiscard]] bool is_all_untouched(const std::string& job, const LaidOut& laid_out);

/// Empties all that is not the workspace as it was laid out. No value: the folder is not worth
/// keeping (a job changed what every job relies on).
std::optional<SpareFolder> reclaim_job_folder(const std::string& job,
                                              const std::shared_ptr<const LaidOut>& laid_out);

}  // namespace runner
