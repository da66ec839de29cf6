#pragma once

// What a program that we ran leaves running when it ends: Podman without root, for one, a process
// that holds its user namespace. Any thread, but one at a time in a process.

#include <sys/types.h>
#include <vector>

namespace runner {

/// While it lives, a process beneath us whose parent ends becomes our child; the destructor ends
/// those, by id. For a process that ends itself soon: children that are started meanwhile and are
/// still wanted afterwards must be gone by then.
class Orphans {
 public:
  Orphans();
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;
  ~Orphans();

 private:
  std::vector<pid_t> ours_;  // that were our children before
};

}  // namespace runner
