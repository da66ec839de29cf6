#pragma once

// What pipe-init can be told to be. Each takes what stands after its name.

namespace runner::init {

/// `run [--spec FD | --chdir DIR] [--control FD] [--status FD | --status-file FILE] [-- argv…]`, or
/// `run --attached` (protocol.h):
/// runs one command as its child, reaps orphans, forwards TERM, INT and HUP to the whole tree, ends
/// everything when the command ends, and reports. The environment is the spec's, else its own.
int run(char** argv, char** env);

/// `keep --control FD`: starts and watches jobs for the host engine (KeeperRequest), each with the
/// whole tree below it. At the end of the stream it kills them all.
int keep(char** argv);

/// `stage [--userns FD] [--netns FD] [--new-user UID GID] [--cgroup DIR]… [--overlay TARGET UPPER
/// WORK LOWER… ;]… -- argv…`: joins and makes what must be there before a sandbox starts, and
/// becomes argv. An overlay is mounted in a mount namespace of its own, so that it goes with it.
int stage(char** argv, char** env);

/// `new-network --control FD [--new-user UID GID] [--egress FD [--port N]…]`: makes a network
/// namespace with a loopback that is up (and leads to the gateway, see Egress in protocol.h), sends
/// its descriptor (and before it that of its user namespace, where one was made) over
/// the socket, and ends.
int new_network(char** argv);

/// `lead-network [--user FD] --network FD --egress FD [--port N]…`: joins a network namespace that
/// is there already, and in it nothing but a loopback (and before it the user namespace that owns
/// it, where that is not ours), and leads it to the gateway.
int lead_network(char** argv);

/// `permit:NAME SCRIPT [argument…]`: what stands in front of the program NAME (Permissions in
/// protocol.h).
int permit(const char* name, char** argv, char** env);

/// `sudo SCRIPT [option…] [NAME=value…] [--] argv…`: becomes argv, as another user with `-u`.
/// REQUIRES: we are root.
int sudo(char** argv);

/// `nothing`: succeeds. To see whether what leads to a program works.
inline int nothing() {
  return 0;
}

}  // namespace runner::init
