#include "runner/sys/orphans.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/sys/process_tree.h"

namespace runner {
namespace {

std::vector<pid_t> children() {
  std::vector<pid_t> found;
  for (const ProcessPlace& process : all_processes()) {
    if (process.parent == ::getpid()) {
      found.push_back(process.pid);
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
