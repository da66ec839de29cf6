#include "runner/sys/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/sys/fd.h"
#include "runner/sys/mount_view.h"

namespace runner {
namespace {

// glibc 2.36 declares its own without C linkage, so that it does not link.
int open_pidfd(pid_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
}

std::string errno_text(int number) {
  return strerrordesc_np(number);
}

/// The file actions and attributes of one spawn.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  void set_session(bool new_session) {
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    const int group = new_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
    posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | group));
  }

  void change_directory(const std::string& directory) {
    if (!directory.empty()) {
      posix_spawn_file_actions_addchdir_np(&actions_, directory.c_str());
    }
  }

  /// The child has exactly `wanted`, and /dev/null where 0, 1 or 2 would be missing.
  void set_descriptors(const std::vector<std::pair<int, int>>& wanted) {
    int last = STDERR_FILENO;
    for (const auto& [ours, theirs] : wanted) {
      last = std::max(last, theirs);
    }
    std::vector<bool> taken(static_cast<std::size_t>(last) + 1, false);
    for (const auto& [ours, theirs] : wanted) {
      posix_spawn_file_actions_adddup2(&actions_, source_above(ours, last), theirs);
      taken[static_cast<std::size_t>(theirs)] = true;
    }
    for (int fd = 0; fd <= last; ++fd) {
      if (taken[static_cast<std::size_t>(fd)]) {
        continue;
      }
      if (fd <= STDERR_FILENO) {
        posix_spawn_file_actions_addopen(
            &actions_, fd, "/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
      } else {
        posix_spawn_file_actions_addclose(&actions_, fd);
      }
    }
    posix_spawn_file_actions_addclosefrom_np(&actions_, last + 1);
  }

  int spawn(pid_t* pid, char* const* argv, char* const* env) const {
    return posix_spawnp(pid, argv[0], &actions_, &attributes_, argv, env);
  }

 private:
  /// A dup2 into the range of the child's numbers could overwrite a source that is still needed;
  /// such sources are moved out of the way first.
  int source_above(int ours, int last) {
    if (ours > last) {
      return ours;
    }
    moved_.emplace_back(fcntl(ours, F_DUPFD_CLOEXEC, last + 1));
    return moved_.back().get();
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  std::vector<Fd> moved_;
};

/// The null-terminated array that exec wants, pointing into `texts`.
std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) {
    pointers.push_back(text.data());
  }
  pointers.push_back(nullptr);
  return pointers;
}

dsl::Error cannot_start(const SpawnRequest& request, int number) {
  dsl::Error error{"start '" + request.argv[0] + "': " + errno_text(number), ""};
  if (number == ENOENT && !request.working_directory.empty() &&
      access(request.working_directory.c_str(), X_OK) != 0) {
    error.message = "start '" + request.argv[0] + "' in '" + request.working_directory +
                    "': " + errno_text(errno);
  } else if (number == ENOENT && request.argv[0].find('/') == std::string::npos) {
    error.remedy = "install it, or add its folder to PATH";
  }
  return error;
}

}  // namespace

// ---- Process ----------------------------------------------------------------------------------

struct Process::Impl {
  EventLoop& loop;
  pid_t pid;
  Fd pidfd;
  std::function<void(int)> ended;
  EventLoop::Watch watch = 0;
  bool running = true;

  Impl(EventLoop& the_loop, pid_t the_pid, std::function<void(int)> then)
      : loop(the_loop), pid(the_pid), pidfd(open_pidfd(the_pid)), ended(std::move(then)) {}

  /// The child is left as a zombie until the Process goes, so that its number, and that of its
  /// group, cannot belong to anybody else while we may still signal it.
  void on_exit() {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        info.si_pid == 0) {
      return;
    }
    running = false;
    loop.unwatch(watch);
    const int status =
        info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0) : W_EXITCODE(0, info.si_status);
    const auto then = std::move(ended);  // it may destroy us
    then(status);
  }
};

Process::Process(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

dsl::Result<std::unique_ptr<Process>> Process::spawn(EventLoop& loop,
                                                     const SpawnRequest& request,
                                                     std::function<void(int)> ended) {
  if (request.argv.empty()) {
    return dsl::Error{"start a program: its argument list is empty", ""};
  }
  std::vector<std::string> arguments = request.argv;
  std::vector<std::string> variables;
  variables.reserve(request.env.size());
  for (const auto& [name, value] : request.env) {
    variables.push_back(name + "=" + value);
  }

  SpawnPlan plan;
  plan.set_session(request.new_session);
  plan.change_directory(request.working_directory);
  plan.set_descriptors(request.descriptors);

  pid_t pid = 0;
  int number = 0;
  const auto spawn = [&] {
    number = plan.spawn(&pid, pointers_to(arguments).data(), pointers_to(variables).data());
  };
  if (request.view != nullptr) {
    request.view->run(spawn);
  } else {
    spawn();
  }
  if (number != 0) {
    return cannot_start(request, number);
  }

  auto impl = std::make_unique<Impl>(loop, pid, std::move(ended));
  Impl& held = *impl;
  std::unique_ptr<Process> process(new Process(std::move(impl)));
  if (held.pidfd.get() < 0) {
    return dsl::Error{"watch '" + request.argv[0] + "': pidfd_open: " + errno_text(errno),
                      "raise the limit of open files (ulimit -n)"};
  }
  held.watch = loop.watch_readable(held.pidfd.get(), [&held] { held.on_exit(); });
  return process;
}

Process::~Process() {
  if (impl_->running) {
    impl_->loop.unwatch(impl_->watch);
    kill(impl_->pid, SIGKILL);
  }
  kill(-impl_->pid, SIGKILL);
  while (waitpid(impl_->pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

pid_t Process::pid() const {
  return impl_->pid;
}

void Process::signal(int number) {
  if (impl_->running) {
    kill(impl_->pid, number);
  }
}

void Process::wait() {
  if (impl_->running) {
    impl_->loop.unwatch(impl_->watch);
    impl_->running = false;
  }
  siginfo_t info{};
  while (waitid(P_PID, static_cast<id_t>(impl_->pid), &info, WEXITED | WNOWAIT) < 0 &&
         errno == EINTR) {
  }
}

void Process::signal_group(int number) {
  kill(-impl_->pid, number);
}

// ---- run_to_end -------------------------------------------------------------------------------

namespace {

/// One output stream of a program, read as it comes.
struct Stream {
  Fd fd;
  EventLoop::Watch watch = 0;
  std::string* kept = nullptr;
};

/// One program on its way to its end. The timer's callback owns it (a timeout of 0 is one that
/// never comes), all other callbacks only refer to it, so that nothing outlives the loop.
struct Running {
  Running(EventLoop& the_loop, std::size_t the_cap) : loop(the_loop), cap(the_cap) {}

  EventLoop& loop;
  const std::size_t cap;
  std::function<void(dsl::Result<Finished>)> done;
  Finished result;
  std::array<Stream, 2> streams;
  std::unique_ptr<Process> process;
  EventLoop::Timer timer = 0;

  /// Reads what is there now; at the end of the stream the watch goes.
  void read(Stream& stream) {
    std::array<char, 16384> buffer{};
    for (;;) {
      const ssize_t got = ::read(stream.fd.get(), buffer.data(), buffer.size());
      if (got > 0) {
        const std::size_t room = cap - std::min(cap, stream.kept->size());
        stream.kept->append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
        continue;
      }
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got == 0 || errno != EAGAIN) {
        close_stream(stream);
      }
      return;
    }
  }

  void close_stream(Stream& stream) {
    if (stream.fd.get() < 0) {
      return;
    }
    loop.unwatch(stream.watch);
    stream.fd.reset();
  }

  /// The program has ended; what a child of it that lives on may still write is not waited for.
  void finish(int wait_status) {
    result.wait_status = wait_status;
    for (Stream& stream : streams) {
      if (stream.fd.get() >= 0) {
        read(stream);
      }
      close_stream(stream);
    }
    loop.cancel_timer(timer);
    done(std::move(result));
  }
};

}  // namespace

std::function<void()> run_to_end(EventLoop& loop,
                                 SpawnRequest request,
                                 dsl::Duration timeout,
                                 std::size_t cap,
                                 std::function<void(dsl::Result<Finished>)> done) {
  const auto nothing_to_kill = [] {};
  auto running = std::make_shared<Running>(loop, cap);
  running->done = std::move(done);
  running->streams[0].kept = &running->result.out;
  running->streams[1].kept = &running->result.err;

  std::array<Fd, 2> write_ends;
  for (std::size_t i = 0; i < 2; ++i) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
      loop.post([running, number = errno] {
        running->done(dsl::Error{"make a pipe: " + errno_text(number),
                                 "raise the limit of open files (ulimit -n)"});
      });
      return nothing_to_kill;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    running->streams[i].fd = Fd(ends[0]);
    write_ends[i] = Fd(ends[1]);
    request.descriptors.emplace_back(ends[1], static_cast<int>(i) + 1);
  }

  const std::weak_ptr<Running> reference = running;
  auto process = Process::spawn(loop, request, [reference](int wait_status) {
    if (const auto alive = reference.lock()) {
      alive->finish(wait_status);
    }
  });
  if (!process) {
    loop.post([running, error = process.error()] { running->done(error); });
    return nothing_to_kill;
  }
  running->process = std::move(*process);
  for (Stream& stream : running->streams) {
    stream.watch = loop.watch_readable(stream.fd.get(),
                                       [&stream, self = running.get()] { self->read(stream); });
  }
  constexpr dsl::Duration kNever{1'000'000'000'000};
  running->timer = loop.start_timer(timeout.ms > 0 ? timeout : kNever, [running] {
    running->result.timed_out = true;
    running->process->signal_group(SIGKILL);
    // Killed but not yet told: the exit's own callback finishes.
    running->timer = running->loop.start_timer(kNever, [running] {});
  });
  return [reference] {
    if (const auto alive = reference.lock()) {
      alive->process->signal_group(SIGKILL);
    }
  };
}

}  // namespace runner
