#include "runner/init/tree.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runner/init/file.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

pid_t parent_of(const char* pid_text) {
  Line path;
  path.add("/proc/").add(pid_text).add("/stat").add("", 1);
  char* const stat = read_file(path.bytes());
  if (stat == nullptr) {
    return -1;
  }
  // "PID (NAME) STATE PPID …", where the name may hold anything, brackets included.
  const char* const name_end = strrchr(stat, ')');
  const pid_t parent =
      name_end == nullptr ? -1 : static_cast<pid_t>(strtol(name_end + 4, nullptr, 10));
  free(stat);
  return parent;
}

bool kernel_lists_children() {
  Line path;
  path.add("/proc/self/task/").add(static_cast<long>(getpid())).add("/children").add("", 1);
  return access(path.bytes(), F_OK) == 0;
}

/// For kernels that have no /proc/PID/task/PID/children.
void scan_for_children(pid_t parent, void (*visit)(pid_t, void*), void* context) {
  DIR* const proc = opendir("/proc");
  if (proc == nullptr) {
    return;
  }
  while (const dirent* const entry = readdir(proc)) {
    const long pid = parse_number(entry->d_name);
    if (pid > 0 && parent_of(entry->d_name) == parent) {
      visit(static_cast<pid_t>(pid), context);
    }
  }
  closedir(proc);
}

/// `numbers` is "12 345 ", or null for none.
void visit_numbers(const char* numbers, void (*visit)(pid_t, void*), void* context) {
  for (const char* at = numbers; at != nullptr && *at != '\0';) {
    char* after = nullptr;
    const long pid = strtol(at, &after, 10);
    if (after == at) {
      break;
    }
    visit(static_cast<pid_t>(pid), context);
    at = *after == ' ' ? after + 1 : after;
  }
}

void signal_with_descendants(pid_t pid, void* number) {
  // Downwards first: once the parent is dead, its children are somebody else's.
  signal_descendants(pid, *static_cast<int*>(number));
  kill(pid, *static_cast<int*>(number));
}

}  // namespace

void for_each_child(pid_t parent, void (*visit)(pid_t, void*), void* context) {
  Line folder;
  folder.add("/proc/").add(static_cast<long>(parent)).add("/task").add("", 1);
  DIR* const threads = opendir(folder.bytes());
  if (threads == nullptr) {
    return;
  }
  // Each thread has the children that it made itself.
  while (const dirent* const entry = readdir(threads)) {
    if (parse_number(entry->d_name) <= 0) {
      continue;
    }
    Line path;
    path.add(folder.bytes()).add("/").add(entry->d_name).add("/children").add("", 1);
    char* const children = read_file(path.bytes());
    if (children == nullptr && !kernel_lists_children()) {
      scan_for_children(parent, visit, context);
      break;
    }
    visit_numbers(children, visit, context);
    free(children);
  }
  closedir(threads);
}

void signal_descendants(pid_t ancestor, int number) {
  for_each_child(ancestor, signal_with_descendants, &number);
}

}  // namespace runner::init
