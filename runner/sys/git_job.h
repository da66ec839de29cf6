#pragma once

// The repository that a job finds in its workspace, and what it left there. Before the job we make
// one: a single commit with the files, an index, nothing that runs. After it everything in it is
// hostile: no git is started on it, nothing there is obeyed; HEAD, references and loose objects are
// read as plain files, and an object counts only where its bytes have the id by which it is asked
// for. Any thread; blocks on the disk.

#include <cstdint>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner::git {

/// Makes "<folder>/.git" with `commit` as the tip of a branch `pipe`; what is before that commit is
/// not in it. `person` ("Name <email>") is who commits there. Costs a file for each object.
dsl::Status make_job_repository(Objects& objects,
                                const Oid& commit,
                                const std::string& person,
                                const std::string& folder);

/// An Error of any call is the job's fault: it says what is wrong with what it left.
class LeftRepository {
 public:
  static constexpr std::int64_t kLargestObject = 64 << 20;  // bytes; larger ones are not read

  /// `workspace` is an open folder, `copies` a path where a folder of our own can be; it is made
  /// now and removed at the end.
  static dsl::Result<LeftRepository> open(int workspace, const std::string& copies);
  LeftRepository(LeftRepository&&) noexcept;
  LeftRepository& operator=(LeftRepository&&) = delete;
  ~LeftRepository();

  /// The commit that HEAD leads to.
  dsl::Result<Oid> head() const;

  dsl::Result<Commit> read_commit(const Oid& id);
  dsl::Result<Entries> read_tree(const Oid& id);
  dsl::Result<std::string> read_blob(const Oid& id);

 private:
  struct Impl;
  explicit LeftRepository(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner::git
