#include "runner/engine/job_output.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <unistd.h>

namespace runner {
namespace {

constexpr std::size_t kChunk = 64 << 10;
constexpr int kLargePipe = 1 << 20;
constexpr int kChunksPerTurn = 16;  // then others have theirs

}  // namespace

dsl::Result<std::unique_ptr<JobOutput>> JobOutput::open(EventLoop& loop,
                                                        const Job& job,
                                                        std::function<void()> broken) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return dsl::Error{std::string("make a pipe: ") + strerrordesc_np(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  std::unique_ptr<JobOutput> output(new JobOutput(loop, job, std::move(broken)));
  output->read_end_ = Fd(ends[0]);
  output->write_end_ = Fd(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  output->watch_ = loop.watch_readable(ends[0], [self = output.get()] { self->on_readable(); });
  return output;
}

JobOutput::JobOutput(EventLoop& loop, const Job& job, std::function<void()> broken)
    : loop_(loop), log_(loop, job), broken_(std::move(broken)) {}

JobOutput::~JobOutput() {
  unwatch();
}

void JobOutput::unwatch() {
  if (watch_ != 0) {
    loop_.unwatch(std::exchange(watch_, 0));
  }
}

/// False: nothing more for now, or for ever (then the watch is gone).
bool JobOutput::read_some() {
  static std::array<char, kChunk> buffer;  // one for all: loop thread, and nothing is kept in it
  const ssize_t got = read(read_end_.get(), buffer.data(), buffer.size());
  if (got < 0 && errno == EINTR) {
    return true;
  }
  if (got <= 0) {
    if (got == 0 || errno != EAGAIN) {
      unwatch();
    }
    return false;
  }
  log_.append({buffer.data(), static_cast<std::size_t>(got)});
  if (!large_ && static_cast<std::size_t>(got) == kChunk) {
    large_ = true;
    fcntl(read_end_.get(), F_SETPIPE_SZ, kLargePipe);  // fewer turns for who writes much
  }
  if (log_.failure() && broken_) {
    std::exchange(broken_, nullptr)();
  }
  return true;
}

void JobOutput::on_readable() {
  for (int i = 0; i < kChunksPerTurn && read_some(); ++i) {
  }
}

void JobOutput::drain() {
  broken_ = nullptr;
  while (read_some()) {
  }
  unwatch();
  log_.finish();
}

void JobOutput::conclude(JobEnd& end) const {
  end.log_truncated = log_.truncated();
  if (log_.failure()) {
    end.how = JobEnd::How::Lost;
    end.code = 0;
    end.detail = log_.failure()->message;
    if (!log_.failure()->remedy.empty()) {
      end.detail += "; " + log_.failure()->remedy;
    }
  }
}

}  // namespace runner
