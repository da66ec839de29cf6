#pragma once

// Several states of the project's files become one: a three-way merge of trees that reads only what
// differs, and a merge of many commits by their history. Deterministic: the same sides give the
// same commit, whatever their order. Any thread that holds the Objects.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"
#include "runner/run/trees.h"
#include "runner/sys/git.h"

namespace runner {

/// What becomes of folders that a merge leaves without entries.
enum class EmptyFolders { Drop, Keep };

struct TreeMerge {
  git::Oid tree;                       // of no meaning where there are conflicts
  std::vector<std::string> conflicts;  // paths, sorted
};

/// Texts are merged by lines; anything else that both sides changed differently is a conflict. A
/// file that one side moved and the other changed is one too: what a box proved of a path must stay
/// at that path.
/// Of the file `added_to` ("" none) the lines of both sides are kept.
dsl::Result<TreeMerge> merge_three(git::Objects& objects,
                                   const git::Oid& base,
                                   const git::Oid& ours,
                                   const git::Oid& theirs,
                                   EmptyFolders empty_folders,
                                   const std::string& added_to = "");

struct CommitSide {
  dsl::NodeId node;
  git::Oid commit;
};

struct CommitMerge {
  git::Oid commit;
  git::Oid tree;
  std::vector<MergeConflict> conflicts;
};

struct CommitMergeRequest {
  std::vector<CommitSide> sides;  // REQUIRES: not empty
  EmptyFolders empty_folders = EmptyFolders::Drop;
  std::string added_to;  // as in merge_three
  std::string author;
  std::string message;  // "": one that names the nodes whose commits became parents
};

/// Sides that are equal or ancestors of others do not count; where one is left it is the result.
/// Else a commit with all of them as parents, at the latest of their times. Commits that the store
/// does not own (the user's history) are not looked behind.
dsl::Result<CommitMerge> merge_commits(git::Objects& objects, const CommitMergeRequest& request);

}  // namespace runner
