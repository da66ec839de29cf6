#pragma once

// A real overlay round a shell script, as an engine mounts a workspace.

#include <cstdlib>
#include <string>

#include "runner/run/job.h"

namespace runner::test {

enum class As {
  Root,      // marks in trusted.*, needs CAP_SYS_ADMIN
  UserSpace  // in a user namespace, marks in user.*: how everybody else mounts
};

/// Runs the script in the mounted workspace; false: it failed.
inline bool run_in_overlay(const WorkspaceMount& mount, As as, const std::string& script) {
  std::string lower;
  for (const std::string& folder : mount.lower) {
    lower += (lower.empty() ? "" : ":") + folder;
  }
  const std::string options = "lowerdir=" + lower + ",upperdir=" + mount.upper +
                              ",workdir=" + mount.work + ",index=off,metacopy=off" +
                              (as == As::Root ? ",redirect_dir=off" : ",userxattr");
  const std::string command = std::string("unshare ") + (as == As::Root ? "-m" : "-Urm") +
                              " sh -e -c 'mount -t overlay -o " + options + " pipe-test " +
                              mount.directory + " && cd " + mount.directory + " && " + script + "'";
  return std::system(command.c_str()) == 0;
}

}  // namespace runner::test
