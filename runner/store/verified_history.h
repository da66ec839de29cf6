#pragma once

// A run's history as people shall read it: one commit a verified task, whatever attempts it took,
// under its final message. The same history always gives the same commits. Any thread that holds
// the Objects.

#include <string>
#include <unordered_map>
#include <vector>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner {

/// A task whose criteria were all met: the commit `left` (hex) becomes one on top of `input` (hex)
/// with this message.
struct VerifiedCommit {
  std::string left;
  std::string input;
  std::string message;
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
    git::Oid input;
    std::string message;
  };
  explicit VerifiedHistory(git::Objects& objects) : objects_(&objects) {}
  dsl::Result<git::Commit> read(const git::Oid& id) const;

  git::Objects* objects_;
  std::unordered_map<git::Oid, Verified, git::OidHash> verified_;
  std::unordered_map<git::Oid, git::Oid, git::OidHash> commits_;  // the run's -> those for people
};

}  // namespace runner
