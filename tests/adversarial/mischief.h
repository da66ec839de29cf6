#pragma once

// What a node can do to the machine rather than to the network: files that are none, processes that
// will not end, memory, floods. Each returns what it managed, for the test outside to compare with
// what the same program manages on the machine itself.

#include <string>
#include <vector>

namespace attack {

/// Makes everything in the working directory that a file system has and a tree must not: "fifo
/// made", "device refused: Operation not permitted", …, a line each.
std::vector<std::string> odd_files();

/// How many children that do nothing could be started, of so many; they end with us.
int fork_idlers(int count);

/// How many MiB could be written to, of so many.
int fill_memory(int mebibytes);

/// Starts so many processes, each in a session of its own and deaf to TERM, HUP and INT; then
/// returns. They live for `seconds`.
int leave_behind(int count, int seconds);

/// How many of the machine's disks could be read, by device nodes of its own making.
int open_disks();

/// Writes so many MiB of lines to STDOUT.
void flood(int mebibytes);

}  // namespace attack
