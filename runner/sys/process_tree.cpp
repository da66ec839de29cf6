#include "runner/sys/process_tree.h"

#include <charconv>
#include <cstdint>
#include <map>
#include <string>

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

}  // namespace

std::vector<ProcessPlace> all_processes() {
  std::vector<ProcessPlace> found;
  std::vector<std::string> names;
  const auto proc = files::open_folder("/proc");
  if (!proc || !files::list_names(proc->get(), names)) {
    return found;
  }
  for (const std::string& name : names) {
    pid_t pid = 0;
    const auto [end, failure] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (failure != std::errc{} || end != name.data() + name.size()) {
      continue;
    }
    if (const pid_t parent = parent_of(name); parent >= 0) {
      found.push_back({pid, parent});
    }
  }
  return found;
}

bool is_in_cgroup_of(pid_t pid, const std::string& name) {
  constexpr std::int64_t kCap = 64 << 10;
  const auto groups = files::read_file("/proc/" + std::to_string(pid) + "/cgroup", kCap);
  return groups && !name.empty() && groups->find(name) != std::string::npos;
}

std::vector<pid_t> processes_from(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  for (const ProcessPlace& process : all_processes()) {
    children.emplace(process.parent, process.pid);
  }
  std::vector<pid_t> found{root};
  for (std::size_t i = 0; i < found.size(); ++i) {
    const auto [first, last] = children.equal_range(found[i]);
    for (auto child = first; child != last; ++child) {
      found.push_back(child->second);
    }
  }
  return found;
}

}  // namespace runner
