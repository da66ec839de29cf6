#pragma once

// The user's own git and gh, in a folder of the user, with the user's environment and without a
// question on the terminal. A signal that ends us (SIGINT, SIGTERM, SIGHUP, SIGQUIT) ends them.
// Blocks the loop's thread.

#include <memory>
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
  UserProgram(EventLoop& loop, std::string folder);

  /// Its STDOUT. An Error says what it said, on one line fit for a terminal, or that a signal ended
  /// it; after one nothing is started any more.
  dsl::Result<std::string> run(std::vector<std::string> argv, dsl::Duration limit);

  /// A signal came that ends us.
  [[nodiscard]] bool stopped() const;

 private:
  struct Signals;

  EventLoop& loop_;
  const std::string folder_;
  std::shared_ptr<Signals> signals_;  // the loop's handlers live as long as the loop
};

}  // namespace runner
