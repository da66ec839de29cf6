#pragma once

// The commits that a job made by itself in its workspace become commits of ours: each object is
// read from what the job left, proved, looked at and written anew. Taken are those from which HEAD
// was reached and that stand on the commit which the job began from. Any thread that holds the
// Objects.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/result.h"
#include "runner/run/masking.h"
#include "runner/store/scan.h"
#include "runner/sys/git.h"

namespace runner {

struct OwnCommitsRequest {
  int folder = -1;                   // the workspace, open
  std::string copies;                // a path for a folder of our own
  git::Oid base;                     // the commit that the job began from
  Halves input;                      // its files
  std::vector<std::string> protect;  // put back to `input` in each commit
  std::string committer;             // "Name <email>"
  std::int64_t latest_s = 0;         // no commit is later
  bool conventional = false;         // messages must be
  Masking secrets;                   // none is taken where a file has one; masked in messages
};

struct OwnCommits {
  std::optional<git::Oid> head;  // no value: none is taken
  std::vector<git::Oid> trees;   // of each, in order
  std::string problem;           // why none is, for people; "" it made none
};

/// Their messages and authors are as the job has them, but for what a text cannot hold, or hides,
/// and for lines that begin with "Pipe-": the runner's alone have such. An Error only for what the
/// system did not let us do.
dsl::Result<OwnCommits> take_own_commits(git::Objects& objects, const OwnCommitsRequest& request);

}  // namespace runner
