#pragma once

// Logs and hand-over files of one run, on disk: see runner/run/job_files.h. Loop thread.

#include <set>
#include <string>

#include "runner/run/job_files.h"

namespace runner {

class DiskJobFiles final : public JobFiles {
 public:
  /// `run_folder` is absolute and exists.
  explicit DiskJobFiles(std::string run_folder);

  /// "logs/<node>.<part>.log"; bytes of a node's id that a file name should not have are %XX, a
  /// very long id is cut and told apart by its digest.
  std::string log_name(const dsl::NodeId& node, const std::string& part) override;
  std::string absolute(const std::string& name) override;
  LogSummary summarise(const std::string& name) override;
  dsl::Result<std::string> head(const std::string& name, std::size_t cap) override;
  /// Full is a disk with less than a megabyte, or without an inode.
  dsl::Status check_room() override;
  dsl::Status write(const std::string& path, const std::string& bytes) override;

 private:
  std::string run_folder_;
};

/// The name that log_name gives, without a run: how `pipe logs` finds the files of a node.
std::string log_stem(const dsl::NodeId& node);

}  // namespace runner
