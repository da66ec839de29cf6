#include "runner/sys/locks.h"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <unistd.h>
#include <utility>

#include "runner/sys/files.h"

namespace runner {
namespace {

dsl::Result<Fd> open_lock(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) {
    return files::system_error("lock", path, errno);
  }
  return file;
}

struct flock whole_file(short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  return range;
}

/// Locks that belong to the open file, not to the process (as POSIX's own do): another thread's
/// close() does not release them. False: errno says why.
bool lock(int fd, FileLock::How how, int command) {
  struct flock range = whole_file(how == FileLock::How::Shared ? F_RDLCK : F_WRLCK);
  while (::fcntl(fd, command, &range) != 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

dsl::Result<FileLock> FileLock::take(const std::string& path, How how) {
  auto file = open_lock(path);
  if (!file) {
    return file.error();
  }
  if (!lock(file->get(), how, F_OFD_SETLKW)) {
    return files::system_error("lock", path, errno);
  }
  return FileLock(*std::move(file));
}

dsl::Result<std::optional<FileLock>> FileLock::try_take(const std::string& path, How how) {
  auto file = open_lock(path);
  if (!file) {
    return file.error();
  }
  if (!lock(file->get(), how, F_OFD_SETLK)) {
    if (errno == EAGAIN || errno == EACCES) {
      return std::optional<FileLock>();
    }
    return files::system_error("lock", path, errno);
  }
  return std::optional<FileLock>(FileLock(*std::move(file)));
}

bool FileLock::is_held(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct flock range = whole_file(F_WRLCK);
  return file && ::fcntl(file.get(), F_OFD_GETLK, &range) == 0 && range.l_type != F_UNLCK;
}

struct LockSet::Impl {
  std::mutex mutex;
  std::map<std::string, FileLock> held;  // under `mutex`
};

LockSet::LockSet() : impl_(std::make_unique<Impl>()) {}
LockSet::~LockSet() = default;

dsl::Status LockSet::hold(const std::string& path) {
  {
    const std::lock_guard guard(impl_->mutex);
    if (impl_->held.contains(path)) {
      return dsl::Ok{};
    }
  }
  auto taken = FileLock::take(path, FileLock::How::Shared);
  if (!taken) {
    return taken.error();
  }
  const std::lock_guard guard(impl_->mutex);
  impl_->held.emplace(path, *std::move(taken));
  return dsl::Ok{};
}

}  // namespace runner
