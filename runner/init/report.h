#pragma once

// Reports as in protocol.h.

#include "runner/init/command.h"

namespace runner::init {

/// Each writes one report to `fd` (nothing where it is -1), after `prefix` and a space where that
/// is not null, and returns the exit status that says the same.
int report_end(int fd, const char* prefix, int wait_status);
int report_failure(int fd, const char* prefix, const Started& started);

/// The memory line of an attached container; nothing where its cgroup cannot be read.
void report_memory(int fd);

}  // namespace runner::init
