#pragma once

// Files that are open and that no name leads to any more: they take room until the last process
// that holds them ends, and no walk of folders finds them. Any thread; blocks on /proc.

#include <cstdint>
#include <sys/types.h>

namespace runner {

/// What the processes from `root` down hold so, in bytes of a disk; what is in memory does not
/// count, nor what is only mapped, nor a process that we may not look at.
std::int64_t unnamed_bytes(pid_t root);

}  // namespace runner
