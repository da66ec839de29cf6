#pragma once

// The user's own repository, as far as a run may touch it: looked at before, given a branch at the
// end. Its configuration is not obeyed, its hooks and filters do not run, its work tree, index and
// HEAD are never written. One thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner::git {

class Project {
 public:
  /// The repository that the folder is in, or is. No value: there is none. An Error where there is
  /// one that must not or cannot be used: it lies above the folder and belongs to somebody else, or
  /// it needs a newer git than libgit2 knows (sha256 objects).
  static dsl::Result<std::optional<Project>> find(const std::string& folder);
  Project(Project&&) noexcept;
  Project& operator=(Project&&) noexcept;
  ~Project();

  /// Absolute, without a '/' at the end. `work_tree` is "" for a bare repository.
  [[nodiscard]] const std::string& work_tree() const { return work_tree_; }
  [[nodiscard]] const std::string& git_folder() const { return git_folder_; }
  [[nodiscard]] const std::string& objects_folder() const { return objects_folder_; }

  struct Head {
    std::optional<Oid> commit;  // no value: there are no commits yet
    std::string branch;         // "main"; "" when HEAD is detached
  };
  dsl::Result<Head> head() const;

  struct Uncommitted {
    std::set<std::string> changed;  // paths of tracked files, staged or not
    std::int64_t untracked = 0;     // neither tracked nor ignored; a folder of such counts once
  };
  /// Differences between HEAD and the work tree beneath `folder` ("" is all of it).
  dsl::Result<Uncommitted> uncommitted(const std::string& folder) const;

  /// What the index holds, as trees written to `to`. An Error during an unfinished merge.
  struct Index {
    Oid all;
    /// What git does not look for in the work tree: outside of a sparse checkout, or marked so
    /// (skip-worktree, assume-unchanged). It may well not be there, and has not changed.
    Oid unwatched;
  };
  dsl::Result<Index> index(Objects& to) const;

  /// What a person calls a commit: "main~2", a tag, an id. An Error where it is none.
  dsl::Result<Oid> commit_of(const std::string& name) const;

  /// No value: there is no such branch.
  dsl::Result<std::optional<Oid>> branch(const std::string& name) const;

  /// Copies the commit and all that it leads to from `objects`, as far as this repository lacks it,
  /// then makes the branch. Success also where the branch is there already and names this commit.
  /// An Error where it names another one; it is never moved.
  dsl::Status add_branch(const std::string& name, Objects& objects, const Oid& commit);

  /// Success also where there is none. An Error, and nothing changes, where it names another commit
  /// than this one, is checked out, or where HEAD has its commits.
  dsl::Status remove_branch(const std::string& name, const Oid& expected);

 private:
  struct Impl;
  explicit Project(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::string work_tree_;
  std::string git_folder_;
  std::string objects_folder_;
};

/// Names of letters, digits and "._-/+=@" that git takes as a branch: nothing that a shell, an
/// option parser or git's revision grammar would read as something else.
dsl::Status check_branch_name(const std::string& name);

}  // namespace runner::git
