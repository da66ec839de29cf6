#pragma once

// One direction of a connection: what comes from one socket goes to another, without passing
// through our memory (splice). It reads no faster than the other side takes. Loop thread.

#include <functional>

#include "dsl/result.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class Splice {
 public:
  enum class End {
    Whole,   // the source has ended, the target knows, and has everything
    Cut,     // the source broke off, or we have no descriptors left
    Unread,  // the target takes no more
  };

  /// The descriptors stay the caller's, are non-blocking, and outlive this. `ended` is called once,
  /// and may destroy it.
  Splice(EventLoop& loop, int from, int to, std::function<void(End)> ended);
  Splice(const Splice&) = delete;
  Splice& operator=(const Splice&) = delete;
  ~Splice();

  void start();
  /// Reads no further until `start`; what was read still goes on.
  void pause();

 private:
  void on_readable();
  void on_writable();
  /// False: the target takes no more for now, or for ever (then `ended` was called).
  bool drain();
  void end(End how);
  void watch_source();
  void unwatch_source();

  EventLoop& loop_;
  const int from_;
  const int to_;
  std::function<void(End)> ended_;
  Fd pipe_in_;
  Fd pipe_out_;
  std::size_t held_ = 0;  // bytes in the pipe
  bool large_ = false;    // the pipe was made larger
  bool paused_ = true;
  bool source_ended_ = false;
  EventLoop::Watch reading_ = 0;
  EventLoop::Watch writing_ = 0;
};

}  // namespace runner
