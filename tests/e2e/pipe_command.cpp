#include "tests/e2e/pipe_command.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace e2e {

namespace {

namespace fs = std::filesystem;

/// What can be read of a file; a process whose /proc entry this is may end meanwhile.
std::string text_or_nothing(const fs::path& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return text;
  }
  char block[65536];
  for (ssize_t got = read(fd, block, sizeof block); got > 0; got = read(fd, block, sizeof block)) {
    text.append(block, static_cast<std::size_t>(got));
  }
  close(fd);
  return text;
}

/// NAME=value strings of our own environment with `above` laid over it.
std::vector<std::string> environment_with(const std::map<std::string, std::string>& above) {
  std::vector<std::string> result;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!above.contains(text.substr(0, text.find('=')))) {
      result.push_back(text);
    }
  }
  for (const auto& [name, value] : above) {
    result.push_back(name + "=" + value);
  }
  return result;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

/// In the child, after fork: never returns.
[[noreturn]] void become(
    const char* folder, const char* out, const char* err, char** argv, char** env) {
  setpgid(0, 0);
  const int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out_fd = open(out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const int err_fd = open(err, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  const bool ready = null >= 0 && out_fd >= 0 && err_fd >= 0 && dup2(null, 0) == 0 &&
                     dup2(out_fd, 1) == 1 && dup2(err_fd, 2) == 2 &&
                     (*folder == '\0' || chdir(folder) == 0);
  if (ready) {
    environ = env;
    execvp(argv[0], argv);
  }
  dprintf(2, "cannot start %s: %s\n", argv[0], strerror(errno));
  _exit(127);
}

bool succeeds(const std::vector<std::string>& argv) {
  return run({argv, "", {}}, std::chrono::seconds(60)).exit_code == 0;
}

}  // namespace

void wait_a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

TempFolder::TempFolder() {
  std::string name = (fs::temp_directory_path() / "pipe-e2e-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary folder: " + std::string(strerror(errno)));
  }
  path_ = fs::canonical(name);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::string TempFolder::write(const std::string& name, const std::string& text) const {
  const fs::path path = path_ / name;
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path.string();
}

Running::Running(const Start& start) : began_(std::chrono::steady_clock::now()) {
  std::vector<std::string> arguments = start.argv;
  std::vector<std::string> variables = environment_with(start.env);
  std::vector<char*> argv = pointers_to(arguments);
  std::vector<char*> env = pointers_to(variables);
  const std::string out = (streams_.path() / "out").string();
  const std::string err = (streams_.path() / "err").string();
  pid_ = fork();
  if (pid_ < 0) {
    throw std::runtime_error("cannot fork: " + std::string(strerror(errno)));
  }
  if (pid_ == 0) {
    become(start.folder.c_str(), out.c_str(), err.c_str(), argv.data(), env.data());
  }
  setpgid(pid_, pid_);
}

Running::~Running() {
  if (!exit_code_) {
    kill(-pid_, SIGKILL);
    kill(pid_, SIGKILL);
    reap(0);
  }
}

void Running::signal(int number) const {
  if (!exit_code_) {
    kill(pid_, number);
  }
}

bool Running::reap(int options) {
  if (exit_code_) {
    return true;
  }
  int status = 0;
  rusage usage{};
  pid_t reaped = 0;
  do {
    reaped = wait4(pid_, &status, options, &usage);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid_) {
    return false;
  }
  took_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() -
                                                                began_);
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  peak_rss_kib_ = usage.ru_maxrss;
  return true;
}

bool Running::has_ended() {
  return reap(WNOHANG);
}

std::string Running::out_so_far() const {
  return text_or_nothing(streams_.path() / "out");
}

std::string Running::err_so_far() const {
  return text_or_nothing(streams_.path() / "err");
}

Ended Running::wait(std::chrono::seconds limit) {
  if (!exit_code_) {
    // A pidfd becomes readable at the end of its process: no polling, so that times are exact.
    const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    pollfd watched{pidfd, POLLIN, 0};
    const auto limit_ms = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
    if (poll(&watched, 1, static_cast<int>(limit_ms)) == 0) {
      kill(-pid_, SIGKILL);
      kill(pid_, SIGKILL);
    }
    close(pidfd);
    reap(0);
  }
  return {*exit_code_, out_so_far(), err_so_far(), peak_rss_kib_, took_};
}

Ended run(const Start& start, std::chrono::seconds limit) {
  return Running(start).wait(limit);
}

Start User::pipe(std::vector<std::string> arguments, const std::string& folder) const {
  Start start{{PIPE_BINARY}, folder, env};
  start.argv.insert(start.argv.end(), arguments.begin(), arguments.end());
  start.env["HOME"] = home();
  start.env["PIPE_STATE"] = state();
  start.env["NO_COLOR"] = "1";
  start.env["XDG_CONFIG_HOME"] = (home_.path() / "config").string();
  start.env.insert(env.begin(), env.end());
  return start;
}

Ended User::run_pipe(std::vector<std::string> arguments, const std::string& folder) const {
  return run(pipe(std::move(arguments), folder));
}

std::string User::git(std::vector<std::string> arguments, const std::string& folder) const {
  Start start{{"git",
               "-c",
               "user.name=Ada",
               "-c",
               "user.email=ada@example.org",
               "-c",
               "init.defaultBranch=main"},
              folder,
              {{"HOME", home()}, {"GIT_CONFIG_NOSYSTEM", "1"}}};
  start.argv.insert(start.argv.end(), arguments.begin(), arguments.end());
  Ended ended = run(start);
  if (ended.exit_code != 0) {
    throw std::runtime_error("git " + arguments.front() + ": " + ended.err);
  }
  if (ended.out.ends_with('\n')) {
    ended.out.pop_back();
  }
  return ended.out;
}

std::string read_text(const fs::path& path) {
  if (!fs::is_regular_file(path)) {
    throw std::runtime_error("no such file: " + path.string());
  }
  return text_or_nothing(path);
}

std::vector<pid_t> processes_with(const std::string& text) {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (pid == getpid()) {
      continue;
    }
    if (text_or_nothing(entry.path() / "cmdline").find(text) != std::string::npos ||
        text_or_nothing(entry.path() / "environ").find(text) != std::string::npos) {
      found.push_back(pid);
    }
  }
  return found;
}

std::string name_of(Engine engine) {
  switch (engine) {
    case Engine::Sandbox:
      return "sandbox";
    case Engine::Host:
      return "host";
    case Engine::Docker:
      return "docker";
    case Engine::Podman:
      return "podman";
  }
  return "";
}

bool is_usable(Engine engine) {
  switch (engine) {
    case Engine::Sandbox:
      // Not all of "/": a mount of a daemon's that goes away meanwhile would make it fail.
      return succeeds({"bwrap",
                       "--unshare-all",
                       "--ro-bind",
                       "/usr",
                       "/usr",
                       "--symlink",
                       "usr/lib",
                       "/lib",
                       "--symlink",
                       "usr/lib64",
                       "/lib64",
                       "/usr/bin/true"});
    case Engine::Host:
      return true;
    case Engine::Docker:
      return succeeds({"docker", "version"});
    case Engine::Podman:
      return succeeds({"podman", "version"});
  }
  return false;
}

bool is_required(Engine engine) {
  const char* required = std::getenv("PIPE_REQUIRE_ENGINES");
  std::istringstream names(required == nullptr ? "" : required);
  for (std::string name; names >> name;) {
    if (name == name_of(engine)) {
      return true;
    }
  }
  return false;
}

}  // namespace e2e
