#include "runner/net/splice.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace runner {
namespace {

constexpr std::size_t kStep = 1 << 20;       // bytes at a time
constexpr std::size_t kFirstPipe = 1 << 16;  // as the kernel makes them
constexpr int kLargePipe = 1 << 20;
constexpr int kStepsPerTurn = 4;  // then others have theirs

}  // namespace

Splice::Splice(EventLoop& loop, int from, int to, std::function<void(End)> ended)
    : loop_(loop), from_(from), to_(to), ended_(std::move(ended)) {}

Splice::~Splice() {
  unwatch_source();
  if (writing_ != 0) {
    loop_.unwatch(writing_);
  }
}

void Splice::watch_source() {
  if (reading_ == 0) {
    reading_ = loop_.watch_readable(from_, [this] { on_readable(); });
  }
}

void Splice::unwatch_source() {
  if (reading_ != 0) {
    loop_.unwatch(std::exchange(reading_, 0));
  }
}

void Splice::start() {
  paused_ = false;
  if (held_ == 0 && !source_ended_) {
    watch_source();
  }
}

void Splice::pause() {
  paused_ = true;
  unwatch_source();
}

void Splice::on_readable() {
  if (!pipe_in_) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      end(End::Cut);
      return;
    }
    pipe_out_ = Fd(ends[0]);
    pipe_in_ = Fd(ends[1]);
  }
  for (int i = 0; i < kStepsPerTurn; ++i) {
    const ssize_t got =
        splice(from_, nullptr, pipe_in_.get(), nullptr, kStep, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) {
        return;
      }
      end(End::Cut);
      return;
    }
    if (got == 0) {
      shutdown(to_, SHUT_WR);
      source_ended_ = true;
      end(End::Whole);
      return;
    }
    held_ = static_cast<std::size_t>(got);
    if (!large_ && held_ >= kFirstPipe / 2) {
      large_ = true;
      fcntl(pipe_in_.get(), F_SETPIPE_SZ, kLargePipe);  // where the user's share of pipes allows it
    }
    if (!drain()) {
      return;
    }
  }
}

bool Splice::drain() {
  while (held_ > 0) {
    const ssize_t put =
        splice(pipe_out_.get(), nullptr, to_, nullptr, held_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    if (put > 0) {
      held_ -= static_cast<std::size_t>(put);
      continue;
    }
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0 && errno == EAGAIN) {
      unwatch_source();
      if (writing_ == 0) {
        writing_ = loop_.watch_writable(to_, [this] { on_writable(); });
      }
      return false;
    }
    end(End::Unread);
    return false;
  }
  return true;
}

void Splice::on_writable() {
  if (!drain()) {
    return;
  }
  loop_.unwatch(std::exchange(writing_, 0));
  if (!paused_) {
    watch_source();
  }
}

void Splice::end(End how) {
  pause();
  if (writing_ != 0) {
    loop_.unwatch(std::exchange(writing_, 0));
  }
  source_ended_ = true;
  const auto ended = std::move(ended_);  // it may destroy us
  ended(how);
}

}  // namespace runner
