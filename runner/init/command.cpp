#include "runner/init/command.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/init/execute.h"
#include "runner/init/text.h"
#include "runner/init/tools.h"

namespace runner::init {
namespace {

/// Takes the texts of a spec one after the other.
class SpecReader {
 public:
  SpecReader(char* bytes, size_t size) : at_(bytes), end_(bytes + size) {}

  char* next() {
    char* const text = at_;
    char* const nul = at_ < end_
                          ? static_cast<char*>(memchr(at_, '\0', static_cast<size_t>(end_ - at_)))
                          : nullptr;
    if (nul == nullptr) {
      fail("the job's spec is cut off", "", 0);
    }
    at_ = nul + 1;
    return text;
  }

  char** next_list() {
    const long count = parse_number(next());
    if (count < 0 || count > end_ - at_) {
      fail("the job's spec is malformed", "", 0);
    }
    char** const list =
        static_cast<char**>(malloc((static_cast<size_t>(count) + 1) * sizeof(char*)));
    if (list == nullptr) {
      fail("read the job's spec", "", ENOMEM);
    }
    for (long i = 0; i < count; ++i) {
      list[i] = next();
    }
    list[count] = nullptr;
    return list;
  }

 private:
  char* at_;
  char* const end_;
};

/// Seen by the child through vfork's shared memory.
struct ChildFailure {
  volatile int error_number = 0;
  const char* volatile failure = nullptr;
  const char* volatile name = nullptr;
};

[[noreturn]] void give_up(ChildFailure& failure, const char* what, const char* name) {
  failure.error_number = errno;
  failure.failure = what;
  failure.name = name;
  _exit(kExitMissing);
}

void join_cgroup(const char* folder, ChildFailure& failure) {
  const int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  const int procs = directory < 0 ? -1 : openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (procs < 0 || write(procs, "0", 1) != 1) {
    give_up(failure, "no-cgroup", folder);
  }
  close(procs);
  close(directory);
}

/// The last thing before exec: what the filter forbids, we ourselves need no more. False: errno.
bool enter_filter(const Spec& spec) {
  if (spec.filter == nullptr) {
    return true;
  }
  sock_fprog program;
  program.len = static_cast<unsigned short>(spec.filter_size / sizeof(sock_filter));
  program.filter = static_cast<sock_filter*>(spec.filter);
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

void adopt_surroundings(const Launch& launch) {
  if (launch.output >= 0) {
    dup2(launch.output, STDOUT_FILENO);
    dup2(launch.output, STDERR_FILENO);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The child's side, until exec. It shares our memory: nothing here changes what we look at later.
[[noreturn]] void become(const Spec& spec, const Launch& launch, ChildFailure& failure) {
  setsid();
  if (launch.own_subtree) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  }
  for (char** folder = spec.cgroups; *folder != nullptr; ++folder) {
    join_cgroup(*folder, failure);
  }
  if (*spec.directory != '\0' && chdir(spec.directory) != 0) {
    give_up(failure, "no-directory", spec.directory);
  }
  adopt_surroundings(launch);
  if (launch.as != nullptr && !become_person(*launch.as)) {
    give_up(failure, "no-user", launch.as->name);
  }
  if (!enter_filter(spec)) {
    give_up(failure, "no-filter", "seccomp");
  }
  execute(spec.argv, spec.env, nullptr);
  give_up(failure, "exec-failed", spec.argv[0]);
}

Spec parse_spec(void* bytes, size_t size) {
  SpecReader reader(static_cast<char*>(bytes), size);
  Spec spec;
  spec.mapping = bytes;
  spec.mapping_size = size;
  spec.directory = reader.next();
  spec.env = reader.next_list();
  spec.cgroups = reader.next_list();
  spec.proof = reader.next_list();
  spec.secrets = reader.next_list();
  spec.argv = reader.next_list();
  if (spec.argv[0] == nullptr) {
    fail("the job's spec has no command", "", 0);
  }
  return spec;
}

/// All of `count` bytes, or the end of the program.
void receive(int fd, char* bytes, size_t count) {
  while (count > 0) {
    const ssize_t got = read(fd, bytes, count);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      _exit(0);
    }
    bytes += got;
    count -= static_cast<size_t>(got);
  }
}

/// A decimal number and the byte that ends it.
size_t receive_size(int fd, char end) {
  char digits[16];
  size_t at = 0;
  for (; at < sizeof(digits) - 1; ++at) {
    receive(fd, digits + at, 1);
    if (digits[at] == end) {
      break;
    }
  }
  digits[at] = '\0';
  const long size = parse_number(digits);
  if (size < 0) {
    fail("the job's spec has no size", "", 0);
  }
  return static_cast<size_t>(size);
}

void* receive_bytes(int fd, size_t size) {
  void* const bytes =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) {
    fail("read the job's spec", "", errno);
  }
  receive(fd, static_cast<char*>(bytes), size);
  return bytes;
}

}  // namespace

Spec read_spec(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0 || status.st_size <= 0) {
    fail("read the job's spec", "", errno);
  }
  const size_t size = static_cast<size_t>(status.st_size);
  // Private and writable: argv and env are char*, and a mapping costs less than a copy.
  void* const bytes = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  if (bytes == MAP_FAILED) {
    fail("read the job's spec", "", errno);
  }
  close(fd);
  return parse_spec(bytes, size);
}

Spec receive_spec(int fd) {
  const size_t size = receive_size(fd, ' ');
  const size_t filter_size = receive_size(fd, ' ');
  const size_t end_mark_size = receive_size(fd, '\n');
  if (size == 0) {
    fail("the job's spec is empty", "", 0);
  }
  void* const bytes = receive_bytes(fd, size);
  Spec spec = parse_spec(bytes, size);
  if (filter_size > 0) {
    spec.filter = receive_bytes(fd, filter_size);
    spec.filter_size = filter_size;
  }
  if (end_mark_size > 0) {
    spec.end_mark = static_cast<const char*>(receive_bytes(fd, end_mark_size));
    spec.end_mark_size = end_mark_size;
  }
  return spec;
}

void release_spec(const Spec& spec) {
  free(static_cast<void*>(spec.env));
  free(static_cast<void*>(spec.cgroups));
  free(static_cast<void*>(spec.proof));
  free(static_cast<void*>(spec.secrets));
  free(static_cast<void*>(spec.argv));
  munmap(spec.mapping, spec.mapping_size);
}

Started start_command(const Spec& spec, const Launch& launch) {
  ChildFailure failure;
  // A tool of our own runs in a real fork: it does much more than exec.
  const bool tool = is_tool(spec.argv);
  const pid_t pid = tool ? fork() : vfork();
  if (pid == 0) {
    if (tool) {
      setsid();
      adopt_surroundings(launch);
      _exit(run_tool(spec.argv + 1));
    }
    become(spec, launch, failure);
  }
  Started started;
  if (pid < 0) {
    started.failure = "exec-failed";
    started.error_number = errno;
    started.name = "fork";
    return started;
  }
  started.pid = pid;
  started.failure = failure.failure;
  started.error_number = failure.error_number;
  started.name = failure.name;
  return started;
}

}  // namespace runner::init
