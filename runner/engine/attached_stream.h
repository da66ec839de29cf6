#pragma once

// The life line of a running container: its output comes over it, its standard input goes over it,
// and it ends when the container does. Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/sys/event_loop.h"

namespace runner {

/// The output of one running container, and its standard input.
class AttachedStream {
 public:
  enum class Channel { Output, Errors };  // the container's STDOUT and STDERR

  struct Events {
    std::function<void()> opened;  // the daemon streams from here on: start the container now
    /// Bytes as they come, in their order within a channel. They are gone after the call.
    std::function<void(Channel, std::string_view)> data;
    /// The end: of the container (Ok), or of the connection before it was opened (Error). The
    /// stream may be destroyed in it, or outside its callbacks, but not in `data`.
    std::function<void(dsl::Status)> closed;
  };

  AttachedStream(EventLoop& loop,
                 const std::string& socket,
                 const std::string& container,
                 Events events);
  AttachedStream(const AttachedStream&) = delete;
  AttachedStream& operator=(const AttachedStream&) = delete;
  /// Ends the connection: the container sees the end of its standard input.
  ~AttachedStream();

  /// To the container's standard input, after `opened`.
  void write(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
