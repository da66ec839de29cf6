#pragma once

// A run's history as people shall read it: one commit a verified task, whatever attempts it took,
// under its final message; before it the commits that the task made by itself, with their own
// messages. The same history always gives the same commits. Any thread that holds
// the Objects.

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner {

/// A task whose criteria were all met: what it `left` (a commit, hex) becomes one commit on top of
/// `input` (hex). Where the task made commits of its own, they stand between; the last of all has
/// the trailers, the others tell their `origin`.
struct VerifiedCommit {
  std::string left;
  std::string input;
  std::string message;   // without trailers
  std::string trailers;  // "Name: value\n" each
  std::string origin;    // as well
  bool merges = false;   // `input` is a merge that it has resolved, and is no commit for people
};

class VerifiedHistory {
 public:
  /// `objects` outlives it. What leads to `input` (hex) stays as it is.
  static dsl::Result<VerifiedHistory> make(git::Objects& objects,
                                           const std::string& input,
                                           const std::vector<VerifiedCommit>& verified);

  /// The commit (hex) that stands for one of the run's; written, with all that leads to it.
  dsl::Result<std::string> commit(const std::string& made);

 private:
  struct Verified {
    std::vector<git::Oid> parents;
    std::string message;  // "": its own, with these trailers
    std::string trailers;
    bool keeps_parents = false;
  };
  explicit VerifiedHistory(git::Objects& objects) : objects_(&objects) {}
  dsl::Status add(const VerifiedCommit& one);
  dsl::Result<git::Commit> read(const git::Oid& id) const;

  git::Objects* objects_;
  std::unordered_map<git::Oid, std::string, git::OidHash> own_;  // a task's: their trailers
  std::unordered_set<git::Oid, git::OidHash> attempts_;          // stand between those
  std::unordered_map<git::Oid, Verified, git::OidHash> verified_;
  std::unordered_map<git::Oid, git::Oid, git::OidHash> commits_;  // the run's -> those for people
};

}  // namespace runner
