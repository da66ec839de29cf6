#pragma once

// The image `host`: the machine's own programs, read-only. Of /etc a job sees a copy of the few
// files that programs need to work (below), none that tells about the machine or its users, and no
// file that not everybody may read. Blocks; call it on the pool.
//
// What a job sees: /usr and what leads into it (/bin, /lib*, /sbin), /opt and /nix where they
// exist; /etc with alternatives, certificates (not their private keys), the dynamic linker's,
// shells' and language run-times' settings, time zone, services and protocols, and a passwd, group,
// hosts and nsswitch.conf of our own. Never /root, /home, /var, /srv, /mnt or /sys.

#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

#include "dsl/result.h"

namespace runner {

struct SystemImage {
  std::string etc;                                         // folder to be shown as /etc
  std::vector<std::string> folders;                        // shown where they are
  std::vector<std::pair<std::string, std::string>> links;  // target, link path
};

/// Makes the copy of /etc beneath `<state_dir>/images/` unless it is there. `uid` and `gid` are
/// whom a job will be and get a name in its passwd.
dsl::Result<SystemImage> prepare_system_image(const std::string& state_dir, uid_t uid, gid_t gid);

}  // namespace runner
