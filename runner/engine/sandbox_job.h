#pragma once

// One job in its sandbox, from its first process to its end. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "runner/engine/job_deadline.h"
#include "runner/engine/job_output.h"
#include "runner/run/job.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"
#include "runner/sys/process.h"

namespace runner {

class SandboxJob {
 public:
  /// Starts `command`, which leads to `pipe-init run` (sandbox_command.h), in `view` (null: among
  /// all mounts). `descriptors`: ours -> its, beside those that this class adds. `ended` is called
  /// once, after which this object may be destroyed; an Error when nothing was started.
  static dsl::Result<std::unique_ptr<SandboxJob>> start(
      EventLoop& loop,
      const Job& job,
      std::vector<std::string> command,
      MountView* view,
      const std::vector<std::pair<int, int>>& descriptors,
      std::function<void(JobEnd)> ended);
  SandboxJob(const SandboxJob&) = delete;
  SandboxJob& operator=(const SandboxJob&) = delete;
  /// Kills what still runs.
  ~SandboxJob();

  void stop(dsl::Duration grace);

  /// Its first process, above all others of the job.
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  SandboxJob(EventLoop& loop, const Job& job, std::function<void(JobEnd)> ended);
  void send(char command) const;
  void on_exit(int wait_status);
  [[nodiscard]] JobEnd find_end(int wait_status, std::string_view report) const;
  [[nodiscard]] std::string read_report() const;

  // Constant after construction.
  EventLoop& loop_;
  const Job job_;
  const std::int64_t started_ms_;

  std::function<void(JobEnd)> ended_;
  std::unique_ptr<JobOutput> output_;
  Fd control_;
  std::unique_ptr<Process> process_;
  JobDeadline deadline_;
};

}  // namespace runner
