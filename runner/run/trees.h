#pragma once

// Trees as the run loop sees them: what a node starts from, works on and leaves behind. The one
// real implementation is store/trees (libgit2); tests have one in memory.
//
// Threads: called on the loop thread; the calls with `done` work on a pool and call back on the
// loop thread; the others are quick. Any number may be under way at once.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dsl/ids.h"
#include "dsl/plan.h"
#include "dsl/result.h"
#include "runner/run/flagged.h"
#include "runner/run/job.h"
#include "runner/run/masking.h"

namespace runner {

/// A state of the project's files. `commit` (hex object id) has the tracked files and the history
/// of the run that led to them; `artifacts` (hex object id, "" none) the declared files that
/// .gitignore keeps out of it, and the folders that hold no file.
struct TreeRef {
  std::string commit;
  std::string artifacts;
  bool operator==(const TreeRef&) const = default;
};

struct LaidOut;  // of the store (store/job_folder.h)

struct MergeSide {
  dsl::NodeId node;
  TreeRef tree;
};

/// Two nodes changed the same file in ways that do not go together.
struct MergeConflict {
  std::string path;
  dsl::NodeId ours;
  dsl::NodeId theirs;
  bool operator==(const MergeConflict&) const = default;
};

/// `conflicts` empty: `tree` is the merge (with one side, or equal sides, that side itself). Else
/// it is what there is of it, with marks in files whose texts overlap (kConflictMark) and as one of
/// the sides has it in all others.
struct Merge {
  TreeRef tree;
  std::vector<MergeConflict> conflicts;
};

/// A line that begins so is the beginning of a conflict that nobody has resolved.
inline constexpr const char* kConflictMark = "<<<<<<< ";

/// A file or link; or a folder without files that was not there, or is not there any more.
struct ChangedPath {
  enum class Change { Added, Modified, Deleted };
  std::string path;  // bytes as git has them, '/' between names
  Change change = Change::Modified;
  bool operator==(const ChangedPath&) const = default;
};

struct CachePath {
  std::string key;                 // content of the cache folder is looked up by it
  std::vector<std::string> paths;  // as in dsl::CacheDecl; "~/…" is beneath `home`
  std::string else_key = {};       // by which it begins where nothing is kept by its own; "" none
  /// Kept by `capture`, whatever `save_caches` says and becomes of the node: an agent's session.
  bool kept_anyway = false;
};

struct WorkspaceRequest {
  JobName job;
  TreeRef tree;
  /// These paths (and what matches, where they are patterns) are put back to how they are in
  /// `protect_from` (also removed where they were not there, also when they became links) before
  /// the job sees them.
  std::vector<std::string> protect;
  TreeRef protect_from;
  TreeRef protect_else;  // what `protect_from` has not is as it is here; no commit: it is removed
  /// What is there of these (names and patterns as in `protect`) is read-only for the job.
  std::vector<std::string> read_only_paths;
  bool overlay = false;  // the engine takes overlays
  bool read_only = false;
  /// The job finds a repository with the commit of `tree`, and may make commits of its own.
  bool repository = false;
  std::vector<CachePath> caches;
};

/// A private copy, ready for a job. `scratch` is a host folder of the same job, outside the
/// workspace, for outputs and feedback; `home` a host folder for HOME. In `scratch` are the empty
/// folders `outputs` and `home` (the latter is `home`), nothing else. All are removed by `discard`.
/// There is no `.git` in a workspace but for WorkspaceRequest::repository, and nothing of one is
/// taken but for CaptureRequest::own_commits.
struct PreparedWorkspace {
  JobName job;
  TreeRef tree;
  std::string laid_out_files;  // ids of the trees that the job sees, `protect` obeyed
  std::string laid_out_artifacts;
  WorkspaceMount mount;
  std::string scratch;
  std::string home;
  std::vector<CachePath> caches;
  std::size_t left_writable = 0;  // of `read_only_paths`: too many to be mounted
  std::shared_ptr<const LaidOut>
      laid_out;  // by which the store sees what a job left alone; or null
};

struct CaptureRequest {
  PreparedWorkspace workspace;
  std::vector<dsl::ArtifactDecl> artifacts;
  std::vector<dsl::OutputDecl> outputs;
  std::vector<std::string> protect;  // whatever the job did there is not taken
  TreeRef since;                     // against which changes are flagged
  std::string commit_message;        // for the files that changed; unchanged files make no commit
  std::int64_t commit_time_s = 0;    // seconds since the epoch, author's and committer's
  /// Commits that the job made by itself, in the repository that it was given, stand before the one
  /// for the rest; where they cannot be taken, all is one commit, and Capture::notes says why.
  bool own_commits = false;
  bool conventional = false;  // they are only taken where they are conventional
  /// Set by those Trees that know them: a file with one is flagged; no commit of a job's own that
  /// has one is taken, and they are masked in the messages.
  Masking secrets;
  /// The command succeeded: its caches are kept (they count only after settle_caches), and an
  /// artifact that is not there is worth a word.
  bool save_caches = false;
  bool discard = false;  // afterwards, as `Trees::discard` does, whatever came of it
};

/// What a job left behind. A file that cannot belong to a tree (device, socket, FIFO) is listed in
/// `refused` with the reason, not taken, never followed.
struct Capture {
  TreeRef tree;
  std::vector<ChangedPath> changes;  // against WorkspaceRequest::tree, sorted by path
  /// By OutputDecl, in that order: the file's bytes (at most 1 MiB), or why there are none.
  std::vector<dsl::Result<std::string>> outputs;
  /// Also the patterns of artifacts that match nothing.
  std::vector<std::pair<std::string, std::string>> refused;  // path, reason
  /// Files beneath CaptureRequest::protect that the job added, changed or removed; sorted. In
  /// `tree` they are as they were before the job, and `changes` does not have them.
  std::vector<std::string> untaken;
  std::vector<FlaggedPath> flagged;  // also of each commit of the job's own; sorted by path
  std::vector<std::string> notes;    // for people
};

/// What is at a path; a link is told as such, wherever it leads.
enum class PathKind { Absent, File, Folder, Link };

/// What became of the node that left the caches.
enum class CachesOf { Passed, Failed };

struct TreeFile {
  std::string bytes;  // at most `cap` of read_file
  bool executable = false;
  bool symlink = false;  // then `bytes` is its target, never followed
  bool truncated = false;
};

class Trees {
 public:
  Trees() = default;
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  virtual ~Trees() = default;

  /// REQUIRES: sides is not empty.
  virtual void merge(std::vector<MergeSide> sides,
                     std::function<void(dsl::Result<Merge>)> done) = 0;

  /// Caches are as all earlier calls of settle_caches leave them.
  virtual void prepare(WorkspaceRequest request,
                       std::function<void(dsl::Result<PreparedWorkspace>)> done) = 0;

  /// Reads what the job left; the workspace itself stays as it is, but for
  /// CaptureRequest::discard. REQUIRES: the job has ended.
  virtual void capture(CaptureRequest request, std::function<void(dsl::Result<Capture>)> done) = 0;

  /// What lies on the disk of all that the job of a workspace may write there, in bytes. No value:
  /// it cannot be told. `done` may be called after the workspace has gone.
  virtual void measure(const PreparedWorkspace& workspace,
                       std::function<void(std::optional<std::int64_t>)> done) = 0;

  /// Removes the folders of a workspace, in the background; errors are logged, and what stays is
  /// removed with the run.
  virtual void discard(PreparedWorkspace workspace) = 0;

  /// What a job with `save_caches` left is what later jobs with the same keys find, in place of
  /// what they found before; or nobody ever sees it. Until then it is nobody's, and a run that ends
  /// before drops it. An Error changes nothing of the run.
  virtual void settle_caches(const JobName& job,
                             CachesOf verdict,
                             std::function<void(dsl::Status)> done) = 0;

  /// The tree of `content`, as a commit on top of `parent`: how a result from the cache joins a
  /// run. The result is `parent` itself where the files are the same.
  virtual dsl::Result<TreeRef> adopt(const TreeRef& parent,
                                     const std::string& content_tree,
                                     const std::string& artifacts,
                                     const std::string& message,
                                     std::int64_t time_s) = 0;

  /// The object id of the commit's tree: equal files give equal ids, whatever the history.
  virtual dsl::Result<std::string> content_of(const TreeRef& tree) = 0;

  /// No value: no such path, or it is a folder. Artifacts count too.
  virtual dsl::Result<std::optional<TreeFile>> read_file(const TreeRef& tree,
                                                         const std::string& path,
                                                         std::int64_t cap) = 0;

  /// Artifacts count too. A submodule is a folder.
  virtual dsl::Result<PathKind> kind_of(const TreeRef& tree, const std::string& path) = 0;

  /// `paths` as in WorkspaceRequest::protect, and where links at and above them lead: what is
  /// changed behind a link is changed for whoever goes through it.
  virtual dsl::Result<std::vector<std::string>> behind_links(
      const TreeRef& tree, const std::vector<std::string>& paths) = 0;

  virtual dsl::Result<std::vector<ChangedPath>> diff(const TreeRef& from, const TreeRef& to) = 0;

  /// What `to` or any commit on the way there from `from` has otherwise than `from`: a history
  /// brings a file also where a later commit took it back. Sorted by path.
  virtual dsl::Result<std::vector<ChangedPath>> brought(const TreeRef& from, const TreeRef& to) = 0;

  /// The difference of the two as lines, for whoever reads it: of each file its name and, where
  /// it is a text, what was added and removed. At most about `most` bytes: then the names alone,
  /// and how many more there are. Artifacts are left out.
  virtual dsl::Result<std::string> patch(const TreeRef& from,
                                         const TreeRef& to,
                                         std::size_t most) = 0;

  /// What of that reaches beyond the node that made it, or holds the value of a secret of the run;
  /// artifacts do not, they are not delivered. Sorted by path.
  virtual dsl::Result<std::vector<FlaggedPath>> flagged(const TreeRef& from, const TreeRef& to) = 0;

  /// sha256 (hex) over names and contents of the files that match any of the globs; "" when none.
  virtual dsl::Result<std::string> hash_files(const TreeRef& tree,
                                              const std::vector<std::string>& globs) = 0;
};

}  // namespace runner
