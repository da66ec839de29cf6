#include "runner/engine/sandbox_trouble.h"

#include <array>
#include <csignal>
#include <cstring>
#include <string_view>
#include <sys/wait.h>

namespace runner {
namespace {

struct Known {
  std::string_view sign;  // part of the line
  const char* remedy;
};

constexpr const char* kAppArmor =
    "this system lets only known programs make user namespaces: add a profile to "
    "/etc/apparmor.d/bwrap "
    "with the line `profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }` and load it with "
    "`sudo apparmor_parser -r /etc/apparmor.d/bwrap`, or run as root";
constexpr const char* kUserNamespaces =
    "user namespaces are switched off: `sudo sysctl -w user.max_user_namespaces=15000 "
    "kernel.unprivileged_userns_clone=1`, or run as root";

constexpr std::array kKnown = {
    Known{"setting up uid map: Permission denied", kAppArmor},
    Known{"loopback: Failed RTM_NEWADDR: Operation not permitted", kAppArmor},
    Known{"write '/proc/self/setgroups': Permission denied", kAppArmor},
    Known{"write '/proc/self/uid_map'", kAppArmor},
    Known{"No permissions to create", kUserNamespaces},
    Known{"Creating new namespace failed", kUserNamespaces},
    Known{"make a user namespace", kUserNamespaces},
    Known{
        "mount an overlay",
        "the folder of the run store is on a file system that overlays cannot use; set PIPE_STATE "
        "to a folder on a local disk"},
    Known{"bwrap: Can't create file at",
          "the image's own folders are read-only: mount over a path that it has, or at one outside "
          "them, such as /data or ~/NAME"},
    Known{"bwrap: Can't mkdir",
          "the image's own folders are read-only: mount over a path that it has, or at one outside "
          "them, such as /data or ~/NAME"},
    Known{"No space left on device",
          "free some space, or raise the limit of user namespaces and "
          "mounts (sysctl user.max_mnt_namespaces, fs.mount-max)"},
};

}  // namespace

dsl::Error sandbox_trouble(const std::string& last_line, int wait_status) {
  if (WIFSIGNALED(wait_status)) {
    return {std::string("the sandbox was killed from outside, by ") +
                strsignal(WTERMSIG(wait_status)),  // NOLINT(concurrency-mt-unsafe): loop thread
            "see the system's log (dmesg): the machine may be out of memory"};
  }
  dsl::Error error{"the sandbox could not be set up", ""};
  if (!last_line.empty()) {
    error.message += ": " + last_line;
  }
  for (const Known& known : kKnown) {
    if (last_line.find(known.sign) != std::string::npos) {
      error.remedy = known.remedy;
      break;
    }
  }
  return error;
}

std::string explain_sandbox_trouble(const std::string& last_line, int wait_status) {
  const dsl::Error error = sandbox_trouble(last_line, wait_status);
  return error.remedy.empty() ? error.message : error.message + "; " + error.remedy;
}

}  // namespace runner
