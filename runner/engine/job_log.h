#pragma once

// The log file of one job: appends what the job writes, up to a cap, and tells the last line now
// and then. Shared by all engines. Loop thread.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/run/job.h"
#include "runner/run/masking.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class JobLog {
 public:
  /// Job::log_path is opened (created) when the first byte comes: most short jobs say nothing, and
  /// a log that does not exist is an empty one.
  JobLog(EventLoop& loop, const Job& job);
  JobLog(const JobLog&) = delete;
  JobLog& operator=(const JobLog&) = delete;
  ~JobLog();

  /// Writes the bytes, secrets masked; what goes beyond the cap is thrown away, after a line that
  /// says so.
  void append(std::string_view bytes);

  /// No more will come: tells the very last line where it was not told yet.
  void finish();

  [[nodiscard]] bool truncated() const { return truncated_; }
  /// The file could not be made or written (no space): from then on nothing is.
  [[nodiscard]] const std::optional<dsl::Error>& failure() const { return failure_; }
  /// The last line that is not empty, without its end; cut at 4 KiB.
  [[nodiscard]] const std::string& last_line() const;

 private:
  void append_masked(std::string_view bytes);
  bool open();
  void write(std::string_view bytes);
  void note_lines(std::string_view bytes);
  void tell();
  void tell_soon();

  // Constant after construction.
  EventLoop& loop_;
  const std::string path_;
  const std::int64_t cap_;
  const std::function<void(std::string_view)> on_line_;
  const std::function<void(std::string_view)> on_output_;

  std::optional<MaskStream> mask_;  // absent: nothing is masked
  Fd file_;
  std::int64_t written_ = 0;
  bool truncated_ = false;
  std::optional<dsl::Error> failure_;
  std::string partial_;  // of the line that has no end yet
  std::string complete_;
  bool untold_ = false;
  std::optional<EventLoop::Timer> pause_;  // until the next line may be told
};

}  // namespace runner
