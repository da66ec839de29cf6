#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/init/report.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

/// Reads the beginning of a small file; false where there is none.
bool read_beginning(const char* path, char* text, size_t room) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return false;
  }
  const ssize_t got = read(fd, text, room - 1);
  close(fd);
  text[got > 0 ? got : 0] = '\0';
  return got > 0;
}

/// The number after `key` and a space, at the beginning of a line; 0 where there is none.
long number_after(const char* text, const char* key) {
  const size_t size = strlen(key);
  for (const char* line = text; line != nullptr; line = strchr(line, '\n')) {
    line += *line == '\n' ? 1 : 0;
    if (strncmp(line, key, size) == 0 && line[size] == ' ') {
      return strtol(line + size + 1, nullptr, 10);
    }
  }
  return 0;
}

struct MemoryFiles {
  const char* peak;
  const char* events;
};

// A container sees its own cgroup at the root of what is mounted: version 2, then version 1.
constexpr MemoryFiles kFiles[] = {
    {"/sys/fs/cgroup/memory.peak", "/sys/fs/cgroup/memory.events"},
    {"/sys/fs/cgroup/memory/memory.max_usage_in_bytes", "/sys/fs/cgroup/memory/memory.oom_control"},
};

}  // namespace

void report_memory(int fd) {
  char text[4096];
  for (const MemoryFiles& files : kFiles) {
    if (!read_beginning(files.events, text, sizeof(text))) {
      continue;
    }
    const long kills = number_after(text, "oom_kill");
    const long peak =
        read_beginning(files.peak, text, sizeof(text)) ? strtol(text, nullptr, 10) : 0;
    Line().add("memory ").add(peak).add(" ").add(kills).add("\n").write_to(fd);
    return;
  }
}

}  // namespace runner::init
