#pragma once

// Child processes. Uses posix_spawn (vfork inside, so its cost does not grow with our memory) and
// pidfds, not Boost.Process 1.81: that one leaks our descriptors into children and polls for exits.
// Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/sys/event_loop.h"

namespace runner {

class MountView;

struct SpawnRequest {
  std::vector<std::string> argv;  // argv[0] is a path, or looked up in our own PATH
  std::vector<std::pair<std::string, std::string>> env;  // exactly this
  std::string working_directory;                         // "" is ours
  /// Our descriptor -> the child's. 0, 1 and 2 that are not named are /dev/null; all others are
  /// closed in the child.
  std::vector<std::pair<int, int>> descriptors;
  bool new_session = true;
  MountView* view = nullptr;  // where it is started; null: among all mounts
};

/// A child that was started. Destroying it kills what still runs of its process group and reaps.
class Process {
 public:
  /// An Error where the program is missing or cannot be executed.
  static dsl::Result<std::unique_ptr<Process>> spawn(EventLoop& loop,
                                                     const SpawnRequest& request,
                                                     std::function<void(int wait_status)> ended);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  [[nodiscard]] pid_t pid() const;
  /// To the child alone, or to its whole process group. Nothing happens once it was reaped.
  void signal(int number);
  void signal_group(int number);
  /// Blocks until the child has ended by itself; nobody is told. For ends in destructors.
  void wait();

 private:
  struct Impl;
  explicit Process(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Runs a program to its end and keeps its output (at most `cap` bytes of each stream); for short
/// programs such as `docker version`. `done` on the loop thread.
struct Finished {
  int wait_status = 0;
  std::string out;
  std::string err;
  bool timed_out = false;
  [[nodiscard]] bool ok() const { return wait_status == 0 && !timed_out; }
};
/// What it returns kills the program, whose end is then told as any other; at any time.
std::function<void()> run_to_end(EventLoop& loop,
                                 SpawnRequest request,
                                 dsl::Duration timeout,
                                 std::size_t cap,
                                 std::function<void(dsl::Result<Finished>)> done);

}  // namespace runner
