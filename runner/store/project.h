#pragma once

// The user's project, before and after a run: what is taken as the run's input, and how the result
// gets back. Nothing in it changes before `deliver`. A repository stays where it is and is read in
// place, uncommitted changes only on demand; any other folder is copied into the store. Neither its
// configuration nor its hooks or filters count. Any thread; blocks on the disk.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/store/tree_store.h"

namespace runner {

struct TakeRequest {
  std::string folder;                 // as the user named it
  bool include_dirty = false;         // uncommitted files of a repository count too
  std::string branch;                 // of a repository, in place of HEAD; "" HEAD
  std::string commit;                 // the same, as git knows it ("main~2"); "" HEAD
  std::int64_t time_s = 0;            // since the epoch, of the commits that are made
  std::vector<std::string> excluded;  // absolute paths that are never taken: the run store
  std::function<void(std::int64_t bytes)> on_read;  // of each file that is read; may be empty
};

/// What was taken: plain data, kept with the run.
struct Project {
  enum class Kind { Repository, Folder };
  Kind kind = Kind::Folder;
  std::string folder;   // absolute, without links
  std::string prefix;   // Repository: the workspace beneath its top, "" is the top
  std::string objects;  // of the repository that the folder lies in, "" where there is none
  std::string head;     // Repository: the commit, hex
  TreeRef input;
  std::string taken;  // for people, one sentence without a full stop
  std::vector<std::pair<std::string, std::string>> refused;  // path, reason
};

/// Errors: no such folder, a repository without commits, one that belongs to somebody else or needs
/// a newer git, a file that cannot be read.
dsl::Result<Project> take_project(TreeStore& store, const TakeRequest& request);

/// Makes the objects of a project that was taken earlier visible again, for `resume` and `show`.
dsl::Status reopen_project(TreeStore& store, const Project& project);

/// Where somebody stands, to tell which runs are meant without a name.
struct Whereabouts {
  std::string folder;   // absolute, without links
  std::string objects;  // of the repository that it lies in, "" where there is none
};
dsl::Result<Whereabouts> whereabouts_of(const std::string& folder);

/// Whether the project is the one that people mean there: of the same repository; where there is
/// none, the folder lies in the project's, or the project (no repository) in the folder.
bool is_at(const Project& project, const Whereabouts& here);

/// Beneath a run's folder.
inline constexpr const char* kProjectFile = "project.json";

/// What a run has taken, from its folder.
dsl::Result<Project> read_project(const std::string& run_folder);

/// The same, reopened.
dsl::Result<Project> project_of_run(TreeStore& store, const std::string& run_folder);

std::string project_to_json(const Project& project);
dsl::Result<Project> project_from_json(std::string_view text);

/// Brings the result to the user: a new branch of the repository, or files of the folder. Returns
/// where it is, for people ("branch 'pipe/calm-otter-3f2a'", "folder '/home/a/b'", "nothing
/// changed"). Doing it again is harmless, also after a crash in the middle.
dsl::Result<std::string> deliver(TreeStore& store,
                                 const Project& project,
                                 const std::string& branch,
                                 const TreeRef& result);

/// The commit that `deliver` made the branch with, in hex: what was verified. An Error where the
/// branch is not at it any more.
dsl::Result<std::string> commit_of_branch(TreeStore& store,
                                          const Project& project,
                                          const std::string& branch,
                                          const TreeRef& result);

/// Removes what `deliver` brought with the same arguments, as far as nobody has changed it since:
/// the branch, or the changes of files. An Error says why it cannot be, and nothing has changed
/// then. Doing it again is harmless.
dsl::Status take_back(TreeStore& store,
                      const Project& project,
                      const std::string& branch,
                      const TreeRef& result);

/// The folder in the project where a delivery that was cut off left what is not in its place yet;
/// "" none, as always in a repository. It goes with the next delivery of that result.
std::string half_delivered_in(const Project& project);

/// Whether `deliver` could make the branch: an Error where its name is none, or where a branch has
/// the name of a folder that it would lie in. Says nothing of the branch itself. A folder that is
/// no repository needs no branch.
dsl::Status check_branch_is_free(const Project& project, const std::string& branch);

/// Whether `deliver` may write where it has to: an Error names what it may not, and the remedy. The
/// result of a run is kept all the same.
dsl::Status check_project_is_writable(const Project& project);

/// Makes the branch and nothing else: neither work tree, index nor HEAD change. An Error where a
/// branch of that name leads elsewhere.
dsl::Status publish_branch(TreeStore& store,
                           const Project& project,
                           const std::string& branch,
                           const TreeRef& result);

enum class WriteBackFor { Delivery, Undo };  // what to say where it cannot be

/// Applies what differs between the project's input and `result` to its folder. First every file is
/// checked to be as it was taken: where one is not, nothing is written and the Error names it. Then
/// all that is new is staged (staging.h): where there is no room, or where the folder cannot be
/// written, nothing in it has changed. Artifacts are not written.
dsl::Status write_back(TreeStore& store,
                       const Project& project,
                       const TreeRef& result,
                       WriteBackFor why = WriteBackFor::Delivery);

}  // namespace runner
