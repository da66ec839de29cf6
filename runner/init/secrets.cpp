#include "runner/init/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runner/init/protocol.h"
#include "runner/init/text.h"

namespace runner::init {
namespace {

constexpr long kTmpfs = 0x01021994;  // TMPFS_MAGIC

/// Never on a disk: where an image or a user put something else at that place, nothing is written.
bool is_in_memory(int folder) {
  struct statfs status;
  if (fstatfs(folder, &status) != 0) {
    return false;
  }
  if (status.f_type != kTmpfs) {
    errno = EXDEV;
    return false;
  }
  return true;
}

bool write_secret(int folder, const char* name, const char* content, const Person* owner) {
  const int file = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400);
  const bool written = file >= 0 && write_all(file, content, strlen(content)) &&
                       (owner == nullptr || fchown(file, owner->uid, owner->gid) == 0);
  if (file >= 0) {
    close(file);
  }
  return written;
}

}  // namespace

const char* write_secrets(char* const* files, const Person* owner) {
  if (files == nullptr || *files == nullptr) {
    return nullptr;
  }
  if (mkdir(kSecretFolder, 0700) != 0) {
    return kSecretFolder;
  }
  const int folder = open(kSecretFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0 || !is_in_memory(folder) ||
      (owner != nullptr && fchown(folder, owner->uid, owner->gid) != 0)) {
    return kSecretFolder;
  }
  for (; files[0] != nullptr && files[1] != nullptr; files += 2) {
    if (!write_secret(folder, files[0], files[1], owner)) {
      return files[0];
    }
  }
  close(folder);
  return nullptr;
}

}  // namespace runner::init
