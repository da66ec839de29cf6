#pragma once

// The pipe through which a job's two output streams come, in the order they were written, into its
// log. Loop thread.

#include <functional>
#include <memory>

#include "dsl/result.h"
#include "runner/engine/job_log.h"
#include "runner/run/job.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class JobOutput {
 public:
  /// `broken` is called once when the log cannot be written any more.
  static dsl::Result<std::unique_ptr<JobOutput>> open(EventLoop& loop,
                                                      const Job& job,
                                                      std::function<void()> broken);
  JobOutput(const JobOutput&) = delete;
  JobOutput& operator=(const JobOutput&) = delete;
  ~JobOutput();

  /// What becomes the job's descriptors 1 and 2.
  [[nodiscard]] int write_end() const { return write_end_.get(); }
  /// The job has its own now; ours must go, or the end would never come.
  void close_write_end() { write_end_.reset(); }

  /// Reads what is still there and completes the log. REQUIRES: nothing of the job runs any more.
  void drain();

  /// Puts into `end` what the log has to say: truncated, or Lost where it could not be written.
  void conclude(JobEnd& end) const;
  [[nodiscard]] const std::string& last_line() const { return log_.last_line(); }

 private:
  JobOutput(EventLoop& loop, const Job& job, std::function<void()> broken);
  bool read_some();
  void on_readable();
  void unwatch();

  EventLoop& loop_;
  JobLog log_;
  std::function<void()> broken_;
  Fd read_end_;
  Fd write_end_;
  EventLoop::Watch watch_ = 0;
  bool large_ = false;  // the pipe's buffer was made larger
};

}  // namespace runner
