#include "runner/sys/orphans.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

/// The parent as /proc/PID/stat has it: "PID (any name) STATE PARENT …"; -1: the process is gone.
pid_t parent_of(const std::string& pid) {
  constexpr std::int64_t kCap = 4096;
  const auto stat = files::read_file("/proc/" + pid + "/stat", kCap);
  const std::size_t name_end = stat ? stat->rfind(") ") : std::string::npos;
  if (name_end == std::string::npos || name_end + 4 >= stat->size()) {
    return -1;
  }
  pid_t parent = -1;
  std::from_chars(stat->data() + name_end + 4, stat->data() + stat->size(), parent);
  return parent;
}

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  std::vector<std::string> names;
  const auto proc = files::open_folder("/proc");
  if (!proc || !files::list_names(proc->get(), names)) {
    return found;
  }
  for (const std::string& name : names) {
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure == std::errc{} && end == name.data() + name.size() && parent_of(name) == getpid()) {
      found.push_back(pid);
    }
  }
  return found;
}

}  // namespace

Orphans::Orphans() : ours_(children()) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

Orphans::~Orphans() {
  for (const pid_t pid : children()) {
    // A child keeps its id until it is waited for: nobody else can be meant.
    if (std::find(ours_.begin(), ours_.end(), pid) == ours_.end() && ::kill(pid, SIGKILL) == 0) {
      while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace runner
