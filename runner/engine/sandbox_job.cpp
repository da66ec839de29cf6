#include "runner/engine/sandbox_job.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/engine/init_report.h"
#include "runner/engine/job_spec.h"
#include "runner/engine/sandbox_command.h"
#include "runner/engine/sandbox_trouble.h"
#include "runner/init/protocol.h"

namespace runner {

SandboxJob::SandboxJob(EventLoop& loop, const Job& job, std::function<void(JobEnd)> ended)
    : loop_(loop),
      job_(job),
      started_ms_(loop.monotonic_ms()),
      ended_(std::move(ended)),
      deadline_(loop,
                {.term = [this] { send(init::kTerm); },
                 .kill = [this] { send(init::kKill); },
                 .force = [this] { process_->signal(SIGKILL); }}) {}

SandboxJob::~SandboxJob() = default;

dsl::Result<std::unique_ptr<SandboxJob>> SandboxJob::start(
    EventLoop& loop,
    const Job& job,
    std::vector<std::string> command,
    MountView* view,
    const std::vector<std::pair<int, int>>& descriptors,
    std::function<void(JobEnd)> ended) {
  std::unique_ptr<SandboxJob> started(new SandboxJob(loop, job, std::move(ended)));
  SandboxJob* const self = started.get();
  auto output = JobOutput::open(loop, job, [self] { self->deadline_.abandon(); });
  if (!output) {
    return output.error();
  }
  started->output_ = std::move(*output);
  auto spec = make_job_spec(job, {});
  if (!spec) {
    return spec.error();
  }
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return dsl::Error{std::string("make a socket: ") + strerrordesc_np(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  started->control_ = Fd(ends[0]);
  const Fd theirs(ends[1]);

  SpawnRequest request;
  request.argv = std::move(command);
  request.view = view;
  request.descriptors = descriptors;
  request.descriptors.insert(request.descriptors.end(),
                             {{started->output_->write_end(), STDOUT_FILENO},
                              {started->output_->write_end(), STDERR_FILENO},
                              {theirs.get(), SandboxDescriptors::kControl},
                              {spec->get(), SandboxDescriptors::kSpec}});
  auto process =
      Process::spawn(loop, request, [self](int wait_status) { self->on_exit(wait_status); });
  if (!process) {
    return process.error();
  }
  started->process_ = std::move(*process);
  started->output_->close_write_end();
  started->deadline_.start(job.timeout, job.grace);
  return started;
}

void SandboxJob::stop(dsl::Duration grace) {
  deadline_.stop(grace);
}

void SandboxJob::send(char command) const {
  ::send(control_.get(), &command, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string SandboxJob::read_report() const {
  std::string report;
  std::array<char, 4096> bytes{};
  for (ssize_t got = 1; got > 0;) {
    got = recv(control_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    report.append(bytes.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  }
  return report;
}

/// bubblewrap has ended, and with it process 1, the whole pid namespace, and every writer of the
/// output.
void SandboxJob::on_exit(int wait_status) {
  output_->drain();
  std::string report = read_report();
  auto denials = take_denials(job_, report);
  JobEnd end = find_end(wait_status, report);
  end.denials = std::move(denials);
  end.took = {loop_.monotonic_ms() - started_ms_};
  output_->conclude(end);
  const auto ended = std::move(ended_);  // it may destroy us
  ended(std::move(end));
}

JobEnd SandboxJob::find_end(int wait_status, std::string_view report) const {
  JobEnd end;
  if (const auto reason = deadline_.reason()) {
    end.how = *reason;
    return end;
  }
  if (auto reported = read_init_report(job_, report)) {
    return *std::move(reported);
  }
  end.how = JobEnd::How::Lost;
  end.detail = explain_sandbox_trouble(output_->last_line(), wait_status);
  return end;
}

}  // namespace runner
