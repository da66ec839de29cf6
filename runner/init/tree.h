#pragma once

// The processes below us, found through /proc. Needed where we are not process 1 of a pid namespace
// and the kernel does not end them for us.

#include <signal.h>
#include <sys/types.h>

namespace runner::init {

/// Calls `visit(child, context)` for each direct child of `parent`, dead ones included.
void for_each_child(pid_t parent, void (*visit)(pid_t child, void* context), void* context);

/// Sends a signal to everything below `ancestor`, but not to itself.
void signal_descendants(pid_t ancestor, int number);

}  // namespace runner::init
