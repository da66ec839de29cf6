#pragma once

// A view of the machine's mounts that leaves out what is not needed: a mount namespace, and the
// thread that lives in it and starts programs there. For programs whose cost grows with the table
// of mounts: bubblewrap reads all of it for every bind, and with 30 mounts that is a third of a
// sandbox's start. Linux has a mount namespace for each thread (unshare(2), CLONE_FS). Loop thread.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace runner {

class MountView {
 public:
  /// Keeps the mounts that hold one of `needed` (absolute paths) and those beneath it; what is
  /// mounted later is seen where the machine shares its mounts. Null where we may not (root may).
  static std::unique_ptr<MountView> make(std::vector<std::string> needed);
  MountView(const MountView&) = delete;
  MountView& operator=(const MountView&) = delete;
  /// Ends the thread: a child that asked for a signal at its parent's death gets it now.
  ~MountView();

  /// Is `path` what it is outside? So it is if it is needed or beneath what is.
  [[nodiscard]] bool shows(std::string_view path) const;

  /// Waits for `work`, which runs in the view. Its working directory is `/`.
  void run(const std::function<void()>& work);

 private:
  explicit MountView(std::vector<std::string> needed);
  void live();

  const std::vector<std::string> needed_;
  std::mutex mutex_;
  std::condition_variable changed_;
  // Protected by the mutex:
  enum class State { Starting, Refused, Idle, Working, Ending };
  State state_ = State::Starting;
  const std::function<void()>* work_ = nullptr;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace runner
