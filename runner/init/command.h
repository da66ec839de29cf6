#pragma once

// The command of a job: what it is (Spec) and how it becomes a process.

#include <stddef.h>
#include <sys/types.h>

#include "runner/init/person.h"

namespace runner::init {

/// As in protocol.h. Everything points into the mapping of the spec's file.
struct Spec {
  void* mapping = nullptr;
  size_t mapping_size = 0;
  const char* directory = "";
  char** env = nullptr;            // null-terminated
  char** cgroups = nullptr;        // null-terminated
  char** proof = nullptr;          // null-terminated names, see egress.h
  char** secrets = nullptr;        // null-terminated names and contents, see secrets.h; null: none
  char** argv = nullptr;           // null-terminated, not empty
  void* filter = nullptr;          // system call filter as BPF; null: none
  size_t filter_size = 0;          // bytes
  const char* end_mark = nullptr;  // not ended by a NUL; null: none
  size_t end_mark_size = 0;
};

/// Reads a spec to the end of `fd` and closes it; fails (ends the program) where it is malformed.
Spec read_spec(int fd);
/// Reads a spec, a filter and an end mark that come over a stream (protocol.h), and leaves what
/// comes after them. Ends the program, without a word, where the stream ends before that: whoever
/// made us has no job for us any more.
Spec receive_spec(int fd);
void release_spec(const Spec& spec);

struct Launch {
  int output = -1;             // becomes 1 and 2; -1 keeps ours
  bool own_subtree = false;    // it collects its own orphans, and dies with us: for the keeper
  const Person* as = nullptr;  // whom it becomes, with no capability left; null: who we are
};

/// What came of starting a command: a process, or why not, as a report's words.
struct Started {
  pid_t pid = -1;
  const char* failure = nullptr;  // "exec-failed", "no-directory", …
  int error_number = 0;
  const char* name = "";
};

/// Starts the command in a session of its own with standard input from our own descriptor 0 and
/// signals as they were when the program began (none blocked).
Started start_command(const Spec& spec, const Launch& launch);

}  // namespace runner::init
