#pragma once

// How a container's output is known to be whole before the container is gone. A daemon carries the
// two streams apart and tells of the container's end some 40 ms after its processes: so process 1
// ends the output with a mark that only it and we know (init/protocol.h). Loop thread.

#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace runner {

/// Another one for each job, which nothing in its container can guess or read.
std::string make_end_mark();

/// Takes the mark off the end of a stream that comes in pieces.
class EndMark {
 public:
  explicit EndMark(std::string mark) : mark_(std::move(mark)) {}

  /// Passes on `bytes` but for the mark, and what may be the beginning of one until that is known.
  /// `pass` is called at most twice; the views end with the call.
  void add(std::string_view bytes, const std::function<void(std::string_view)>& pass);

  /// The stream ended: passes on what looked like the beginning of a mark and was none.
  void finish(const std::function<void(std::string_view)>& pass);

  /// The mark was the last that came: nothing follows.
  [[nodiscard]] bool found() const { return held_ == mark_; }

 private:
  std::string mark_;
  std::string held_;  // a beginning of the mark, all of it where it was found
};

}  // namespace runner
