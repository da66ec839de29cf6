#pragma once

// The real `pipe` binary as a user sees it: started with arguments, it ends with an exit code and
// two streams. For tests; any thread.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace e2e {

/// A folder of its own beneath the system's temporary one, removed at the end.
class TempFolder {
 public:
  TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder();

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes a file (and the folders above it); returns its absolute path.
  std::string write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

struct Ended {
  int exit_code = 0;  // 128 + signal where a signal ended it
  std::string out;
  std::string err;
  std::int64_t peak_rss_kib = 0;  // of the process itself
  std::chrono::microseconds took{0};
};

struct Start {
  std::vector<std::string> argv;
  std::string folder;                      // working directory; "" is ours
  std::map<std::string, std::string> env;  // above our own
};

/// A program that was started in a process group of its own; killed by the destructor.
class Running {
 public:
  explicit Running(const Start& start);
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running();

  [[nodiscard]] pid_t pid() const { return pid_; }
  /// To the program alone, as a terminal's neighbour or a crash would.
  void signal(int number) const;
  /// Has it ended by now? Does not wait.
  [[nodiscard]] bool has_ended();
  /// Everything that it wrote so far.
  [[nodiscard]] std::string out_so_far() const;
  [[nodiscard]] std::string err_so_far() const;

  /// Waits for its end; after `limit` it is killed and the exit code is 137.
  Ended wait(std::chrono::seconds limit = std::chrono::seconds(300));

 private:
  bool reap(int options);

  TempFolder streams_;  // its output goes to files: no pipe can fill up
  pid_t pid_ = -1;
  std::chrono::steady_clock::time_point began_;
  std::chrono::microseconds took_{0};
  std::optional<int> exit_code_;
  std::int64_t peak_rss_kib_ = 0;
};

/// Starts and waits.
Ended run(const Start& start, std::chrono::seconds limit = std::chrono::seconds(300));

/// A user with a run store of his own and no settings: pipe's state, HOME and git identity are
/// folders of this object.
class User {
 public:
  /// `pipe ARGUMENTS...`, started in `folder`.
  [[nodiscard]] Start pipe(std::vector<std::string> arguments, const std::string& folder) const;
  [[nodiscard]] Ended run_pipe(std::vector<std::string> arguments, const std::string& folder) const;
  /// `git ARGUMENTS...` in `folder`; throws std::runtime_error where it fails. Its STDOUT without
  /// the last newline.
  std::string git(std::vector<std::string> arguments, const std::string& folder) const;

  [[nodiscard]] std::string state() const { return (home_.path() / "state").string(); }
  [[nodiscard]] std::string home() const { return home_.path().string(); }

  std::map<std::string, std::string> env;  // more variables for pipe

 private:
  TempFolder home_;
};

/// The text of a file; throws std::runtime_error where it cannot be read.
std::string read_text(const std::filesystem::path& path);

/// Process ids (not our own) whose command line or environment contains `text`.
std::vector<pid_t> processes_with(const std::string& text);

/// Gives other processes a moment; for loops with a deadline.
void wait_a_moment();

/// Asks `holds` until it does or `limit` has passed; the last answer.
template <class Question>
bool eventually(Question holds, std::chrono::seconds limit = std::chrono::seconds(30)) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    wait_a_moment();
  }
  return true;
}

/// The engines that PIPE_REQUIRE_ENGINES names must be usable; others may be absent. An absent one
/// that is required is a test failure.
enum class Engine { Sandbox, Host, Docker, Podman };
std::string name_of(Engine engine);
bool is_usable(Engine engine);
bool is_required(Engine engine);

}  // namespace e2e

/// Ends the test where the engine is not usable: as a failure when it is required.
#define NEEDS_ENGINE(engine)                                        \
  if (!e2e::is_usable(engine)) {                                    \
    ASSERT_FALSE(e2e::is_required(engine)) << e2e::name_of(engine); \
    GTEST_SKIP() << e2e::name_of(engine) << " is not usable here";  \
  }                                                                 \
  static_assert(true, "a semicolon follows")
