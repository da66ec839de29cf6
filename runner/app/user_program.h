#pragma once

// The user's own git and gh, in a folder of the user, with the user's environment and without a
// question on the terminal. Blocks the loop's thread.

#include <string>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/sys/event_loop.h"

namespace runner {

class UserProgram {
 public:
  static constexpr dsl::Duration kShortTime{30'000};

  /// `loop` outlives it.
  UserProgram(EventLoop& loop, std::string folder) : loop_(loop), folder_(std::move(folder)) {}

  /// Its STDOUT. An Error says what it said, on one line fit for a terminal.
  dsl::Result<std::string> run(std::vector<std::string> argv, dsl::Duration limit);

 private:
  EventLoop& loop_;
  const std::string folder_;
};

}  // namespace runner
