#pragma once

// The small files round a job, as the run loop needs them: logs and what is handed in. Real:
// store/job_files; tests have one in memory.

#include <cstdint>
#include <string>

#include "dsl/ids.h"
#include "dsl/result.h"

namespace runner {

struct LogSummary {
  std::string tail;    // the last lines, at most 4 KiB, made valid UTF-8
  std::string digest;  // sha256 of the whole, "" for an empty log
  std::int64_t bytes = 0;
};

/// Loop thread.
class JobFiles {
 public:
  JobFiles() = default;
  JobFiles(const JobFiles&) = delete;
  JobFiles& operator=(const JobFiles&) = delete;
  virtual ~JobFiles() = default;

  /// The name of a log beneath the run's folder, unique to its arguments: "logs/build.1.log",
  /// "logs/build.1.criterion-2.log". Same arguments, same name.
  virtual std::string log_name(const dsl::NodeId& node, const std::string& part) = 0;
  /// The absolute path of what log_name gave; its folder exists.
  virtual std::string absolute(const std::string& name) = 0;

  /// A log that does not exist is an empty one.
  virtual LogSummary summarise(const std::string& name) = 0;
  /// The first `cap` bytes.
  virtual dsl::Result<std::string> head(const std::string& name, std::size_t cap) = 0;

  /// An Error where there is no room left for what jobs write.
  virtual dsl::Status check_room() = 0;

  /// Writes a file in a place that only the runner has written so far.
  virtual dsl::Status write(const std::string& path, const std::string& bytes) = 0;
};

}  // namespace runner
