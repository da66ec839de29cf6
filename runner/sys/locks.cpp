#include "runner/sys/locks.h"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sys/file.h>
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

/// False: errno says why.
bool lock(int fd, int operation) {
  while (::flock(fd, operation) != 0) {
    if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

int operation_of(FileLock::How how) {
  return how == FileLock::How::Shared ? LOCK_SH : LOCK_EX;
}

}  // namespace

dsl::Result<FileLock> FileLock::take(const std::string& path, How how) {
  auto file = open_lock(path);
  if (!file) {
    return file.error();
  }
  if (!lock(file->get(), operation_of(how))) {
    return files::system_error("lock", path, errno);
  }
  return FileLock(*std::move(file));
}

dsl::Result<std::optional<FileLock>> FileLock::try_take(const std::string& path, How how) {
  auto file = open_lock(path);
  if (!file) {
    return file.error();
  }
  if (!lock(file->get(), operation_of(how) | LOCK_NB)) {
    if (errno == EWOULDBLOCK) {
      return std::optional<FileLock>();
    }
    return files::system_error("lock", path, errno);
  }
  return std::optional<FileLock>(FileLock(*std::move(file)));
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
