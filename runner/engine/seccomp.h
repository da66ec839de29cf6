#pragma once

// The system calls that no job may make, in every engine that takes a filter. A constant, not an
// option. Any thread.
//
// Refused: sockets of families other than unix, inet, inet6 and route netlink (raw packets, vsock,
// AF_ALG, netfilter and the rest); new namespaces and mounts (unshare, setns, clone with
// CLONE_NEW*, the mount family, pivot_root); kernel keyrings, bpf, perf, userfaultfd,
// open_by_handle_at; typing into a terminal (TIOCSTI, TIOCLINUX). io_uring and clone3 do not exist
// for a job (ENOSYS), since a filter cannot look into what they are given; programs fall back.
// Other architectures' calls (x32, i386) do not exist either.

#include <string>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// The filter as BPF in a file in memory, as `bwrap --seccomp` reads it. Reading moves the
/// descriptor's position: give each reader one of its own (`reopen_filter`).
dsl::Result<Fd> make_seccomp_filter();

/// The same as a profile of Docker's: JSON for `SecurityOpt`, "seccomp=" before it. For containers
/// whose program we do not begin. It takes the place of the daemon's own, and holds what that one
/// refuses to jobs.
std::string seccomp_profile();

/// The same file through a new descriptor that stands at its beginning.
dsl::Result<Fd> reopen_filter(const Fd& filter);

}  // namespace runner
