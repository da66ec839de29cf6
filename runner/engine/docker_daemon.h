#pragma once

// A Docker daemon of a node's own (`docker: dind`): a container beside the node, on the node's
// loopback, with the daemon in it, and the certificates with which the two know each other.
//
// The daemon's container is not privileged: it has the capabilities that a daemon cannot do
// without, no system call filter, and cgroups of its own that it may divide, but no device of the
// machine. Who may command the daemon has all of that, which is as good as root on the machine;
// that is why it must be named, and is marked in the plan. What the daemon makes is beneath its
// container: its processes end with process 1, its images are in a volume that goes with it, and
// the limits of the node hold for all of them together.
//
// Any thread.

#include <string>

#include "dsl/ids.h"
#include "dsl/result.h"
#include "runner/run/job.h"

namespace runner {

/// Where the images and containers of the daemon are, inside of its container.
inline constexpr const char* kDockerDaemonData = "/var/lib/docker";

/// Its capabilities, without "CAP_": Docker's own for a container, so that it can pass them on, and
/// what the daemon does itself: mounts, namespaces and cgroups (SYS_ADMIN), its bridge (NET_ADMIN),
/// and the namespaces of its containers' processes (SYS_PTRACE).
inline constexpr const char* kDockerDaemonCapabilities[] = {"AUDIT_WRITE",
                                                            "CHOWN",
                                                            "DAC_OVERRIDE",
                                                            "FOWNER",
                                                            "FSETID",
                                                            "KILL",
                                                            "MKNOD",
                                                            "NET_ADMIN",
                                                            "NET_RAW",
                                                            "SETFCAP",
                                                            "SETGID",
                                                            "SETPCAP",
                                                            "SETUID",
                                                            "SYS_ADMIN",
                                                            "SYS_CHROOT",
                                                            "NET_BIND_SERVICE",
                                                            "SYS_PTRACE"};

/// Makes new certificates, in a folder of the network beneath `state_dir`; tells the folder.
dsl::Result<std::string> make_daemon_folder(const std::string& state_dir,
                                            const std::string& network);

/// Those of a run, "" of all. Nothing happens where there are none.
void remove_daemon_folders(const std::string& state_dir, const dsl::RunId& run);

/// Makes the job the daemon: what it runs, as whom, and its certificates.
void become_daemon(const std::string& folder, Job& job);

/// What a client of the daemon finds, Testcontainers and the like among them.
void lead_to_daemon(const std::string& folder, Job& job);

}  // namespace runner
