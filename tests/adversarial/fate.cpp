// Preloaded into `pipe` itself, and only there: lets it die at a moment that a test names, and lets
// its wall clock jump.
//
//   FATE_DIE_AT=N      at the N-th moment it is killed. Before and after each commit to a disk,
//   each
//                      connection (a container engine's, the gateway's) and each process that it
//                      starts there is one.
//   FATE_COUNT=FILE    where it writes how many moments there were
//   FATE_CLOCK=FILE    which holds the seconds that its wall clock is ahead, as 8 bytes

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<long> passed{0};
long die_at = 0;
std::atomic<std::int64_t>* count = nullptr;
std::atomic<std::int64_t>* ahead = nullptr;

void pass_a_moment() {
  const int error = errno;
  const long now = ++passed;
  if (count != nullptr) {
    *count = now;
  }
  if (now == die_at) {
    kill(getpid(), SIGKILL);
  }
  errno = error;
}

std::atomic<std::int64_t>* shared_number(const char* variable) {
  const char* const path = std::getenv(variable);
  const int fd = path == nullptr ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ftruncate(fd, sizeof(std::int64_t)) != 0) {
    return nullptr;
  }
  void* const page = mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return page == MAP_FAILED ? nullptr : static_cast<std::atomic<std::int64_t>*>(page);
}

__attribute__((constructor)) void begin() {
  if (std::strcmp(program_invocation_short_name, "pipe") != 0) {
    return;
  }
  unsetenv("LD_PRELOAD");  // whoever it starts has a fate of its own
  if (const char* const text = std::getenv("FATE_DIE_AT"); text != nullptr) {
    die_at = std::atol(text);
  }
  count = shared_number("FATE_COUNT");
  ahead = shared_number("FATE_CLOCK");
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fdatasync(int fd) {
  pass_a_moment();
  const int result = static_cast<int>(syscall(SYS_fdatasync, fd));
  pass_a_moment();
  return result;
}

int fsync(int fd) {
  pass_a_moment();
  const int result = static_cast<int>(syscall(SYS_fsync, fd));
  pass_a_moment();
  return result;
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  pass_a_moment();
  const int result = static_cast<int>(syscall(SYS_connect, fd, address, size));
  pass_a_moment();
  return result;
}

int posix_spawn(pid_t* pid,
                const char* path,
                const posix_spawn_file_actions_t* actions,
                const posix_spawnattr_t* attributes,
                char* const argv[],
                char* const env[]) {
  static auto* const real = next<decltype(posix_spawn)>("posix_spawn");
  pass_a_moment();
  const int result = real(pid, path, actions, attributes, argv, env);
  pass_a_moment();
  return result;
}

int posix_spawnp(pid_t* pid,
                 const char* path,
                 const posix_spawn_file_actions_t* actions,
                 const posix_spawnattr_t* attributes,
                 char* const argv[],
                 char* const env[]) {
  static auto* const real = next<decltype(posix_spawnp)>("posix_spawnp");
  pass_a_moment();
  const int result = real(pid, path, actions, attributes, argv, env);
  pass_a_moment();
  return result;
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const int result = static_cast<int>(syscall(SYS_clock_gettime, clock, time));
  if (result == 0 && clock == CLOCK_REALTIME && ahead != nullptr) {
    time->tv_sec += *ahead;
  }
  return result;
}

}  // extern "C"
