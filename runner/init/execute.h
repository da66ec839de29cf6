#pragma once

// Becoming another program, as the PATH of its environment says. No allocation: it may be called
// after vfork.

namespace runner::init {

/// As execvpe, but the PATH of the new environment is searched, a file that is no program is never
/// handed to a shell, and "found but not executable" is told before "not found". Returns where
/// nothing could be executed: errno. `passed_over`: a file that is not taken, whatever path of the
/// PATH leads to it; null: none.
void execute(char** argv, char** env, const char* passed_over);

}  // namespace runner::init
