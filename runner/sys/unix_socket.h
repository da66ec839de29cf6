#pragma once

// Sockets of the file system that keep messages apart (SOCK_SEQPACKET), under paths of any length
// (the kernel's own addresses end at 107 bytes). Any thread.

#include <string>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// A listening socket at `path`, in the place of whatever socket a dead runner left there; only its
/// owner may connect.
dsl::Result<Fd> listen_unix(const std::string& path);

/// Connects; blocks for no longer than the system call does.
dsl::Result<Fd> connect_unix(const std::string& path);

/// Nothing happens where there is none.
void unlink_unix(const std::string& path);

}  // namespace runner
