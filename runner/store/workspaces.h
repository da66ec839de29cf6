#pragma once

// The workspaces of jobs: laid out before (plainly, or as the layers of an overlay), read after,
// removed. In the run's folder:
//
//   <work>/<number>/         of one job after another, see job_folder.h
//   <work>/<number>/stamps   what the laid out files looked like (large plain workspaces)
//   <work>/layers/           see layers.h
//
// An engine mounts the overlay with redirect_dir, metacopy and index off, and with userxattr unless
// this process may read trusted.* (is root): what the job removed is read from such marks. Any
// thread; one call at a time for one job.

#include <atomic>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/caches.h"
#include "runner/store/job_folder.h"
#include "runner/store/layers.h"
#include "runner/store/tree_store.h"

namespace runner {

class Workspaces {
 public:
  struct Places {
    std::string work;           // the run's; made when needed
    std::string bases;          // the store's
    std::string caches;         // the store's
    std::string owner;          // of the keys of caches: project and pipeline
    std::string added_to = {};  // a file that several jobs add to, see TreeStore::merge; "" none
  };
  /// `store` outlives this object. New trees are kept from pruning under refs/pipe/runs/<run>/.
  Workspaces(TreeStore& store, dsl::RunId run, Places places);

  /// `spare`: a folder that `discard` returned, or null.
  dsl::Result<PreparedWorkspace> prepare(const WorkspaceRequest& request, const SpareFolder* spare);
  /// The same for a spare folder that serves the request as it is. Takes no time.
  static PreparedWorkspace take_over(const WorkspaceRequest& request, const SpareFolder& spare);
  dsl::Result<Capture> capture(const CaptureRequest& request);

  /// `capture` and `discard` in one for a job that left everything as it was and was to hand
  /// nothing over: a look at a few names, quick enough for any thread. No value: it did not.
  static std::optional<SpareFolder> left_alone(const CaptureRequest& request);

  /// Removes the job's folder, or returns it for another job of the run.
  dsl::Result<std::optional<SpareFolder>> discard(const PreparedWorkspace& workspace);

  /// The caches that a captured job left become those that later jobs find; or they are dropped.
  dsl::Status settle_caches(const JobName& job, CachesOf verdict);

  /// Keeps a tree from being pruned as long as the run is there. Does nothing for the half that is
  /// a commit of the user's repository.
  dsl::Status keep(const std::string& name, const TreeRef& tree);

 private:
  dsl::Result<Halves> effective(git::Objects& objects, const WorkspaceRequest& request);
  static PreparedWorkspace describe(const WorkspaceRequest& request,
                                    const std::string& job,
                                    const LaidOut& laid_out);
  dsl::Status lay_out(git::Objects& objects,
                      const WorkspaceRequest& request,
                      const std::string& job,
                      const git::Oid& layout,
                      LaidOut& laid_out);
  /// Notes what of the workspace is mounted read-only, and from where.
  static dsl::Status find_read_only(git::Objects& objects,
                                    const WorkspaceRequest& request,
                                    const std::string& job,
                                    const git::Oid& layout,
                                    LaidOut& laid_out);
  dsl::Status lay_out_plain(git::Objects& objects, const git::Oid& layout, const std::string& job);
  dsl::Status restore_caches(const PreparedWorkspace& workspace);
  dsl::Status stage_caches(const PreparedWorkspace& workspace, bool save);
  [[nodiscard]] std::string staged_caches(const JobName& job) const;
  /// What of a job's work is taken, and what is not.
  struct Left {
    Halves files;
    std::vector<std::pair<std::string, std::string>> refused;  // as in Capture
    std::vector<std::string> untaken;
  };
  dsl::Result<Left> what_was_left(git::Objects& objects,
                                  const CaptureRequest& request,
                                  const Halves& input);
  dsl::Result<Scan> read_back(git::Objects& objects,
                              const CaptureRequest& request,
                              const Halves& before);

  TreeStore& store_;
  const dsl::RunId run_;
  const Places places_;
  const Caches caches_;
  Layers layers_;
  std::atomic<int> folders_ = 0;  // made so far
};

}  // namespace runner
