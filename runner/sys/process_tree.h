#pragma once

// Which processes there are, as /proc tells; one that ends or begins meanwhile is told or not. Any
// thread.

#include <string>
#include <sys/types.h>
#include <vector>

namespace runner {

struct ProcessPlace {
  pid_t pid = -1;
  pid_t parent = -1;
};
std::vector<ProcessPlace> all_processes();

/// `root` and all that it and they have started, as far as these are still beneath it.
std::vector<pid_t> processes_from(pid_t root);

/// Whether the process is in a cgroup that has the name in its path; not in one of "".
bool is_in_cgroup_of(pid_t pid, const std::string& name);

}  // namespace runner
