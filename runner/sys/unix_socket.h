#pragma once

// Sockets of the file system, under paths of any length (the kernel's own addresses end at 107
// bytes); those that keep messages apart (SOCK_SEQPACKET) unless they say stream. Any thread.

#include <string>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// A listening socket at `path`, in the place of whatever socket a dead runner left there; only its
/// owner may connect.
dsl::Result<Fd> listen_unix(const std::string& path);

/// The same of a stream (SOCK_STREAM), to which anybody may connect who gets to the path.
dsl::Result<Fd> listen_unix_stream(const std::string& path);

/// Connects; blocks for no longer than the system call does.
dsl::Result<Fd> connect_unix(const std::string& path);

/// Nothing happens where there is none.
void unlink_unix(const std::string& path);

}  // namespace runner
