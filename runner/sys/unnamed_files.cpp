#include "runner/sys/unnamed_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <set>
#include <string>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <utility>

#include "runner/sys/fd.h"
#include "runner/sys/files.h"
#include "runner/sys/process_tree.h"

namespace runner {
namespace {

bool is_memory(int file) {
  struct statfs system {};
  return ::fstatfs(file, &system) != 0 || system.f_type == TMPFS_MAGIC ||
         system.f_type == RAMFS_MAGIC || system.f_type == HUGETLBFS_MAGIC;
}

}  // namespace

std::int64_t unnamed_bytes(pid_t root) {
  std::int64_t bytes = 0;
  std::set<std::pair<dev_t, ino_t>> seen;
  for (const pid_t pid : processes_from(root)) {
    const auto open = files::open_folder("/proc/" + std::to_string(pid) + "/fd");
    if (!open) {
      continue;
    }
    files::for_each_name(open->get(), [&](const char* name, unsigned char) {
      struct stat status {};
      const bool is_unnamed = ::fstatat(open->get(), name, &status, 0) == 0 &&
                              S_ISREG(status.st_mode) && status.st_nlink == 0;
      if (is_unnamed && seen.emplace(status.st_dev, status.st_ino).second) {
        const Fd file(::openat(open->get(), name, O_PATH | O_CLOEXEC));
        bytes += file && !is_memory(file.get()) ? status.st_blocks * 512 : 0;
      }
      return true;
    });
  }
  return bytes;
}

}  // namespace runner
