#include "runner/sys/files.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <system_error>

#include <climits>
#include <fmt/format.h>

namespace runner::files {
namespace {

constexpr std::size_t kBuffer = std::size_t{128} * 1024;

std::string_view remedy_of(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "make room on the file system and run the command again";
    case EROFS:
      return "the file system is read-only; set PIPE_STATE to a folder that can be written";
    case EACCES:
    case EPERM:
      return "check the owner and the permissions of the path and of the folders above it";
    case EMFILE:
    case ENFILE:
      return "raise the limit on open files (ulimit -n)";
    default:
      return "";
  }
}

int openat2_beneath(int root, const char* relative, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  return static_cast<int>(::syscall(SYS_openat2, root, relative, &how, sizeof how));
}

// For kernels and seccomp filters without openat2: one name at a time.
Fd walk_beneath(int root, std::string_view relative, int flags) {
  Fd folder;
  int at = root;
  while (true) {
    const std::size_t slash = relative.find('/');
    const std::string name(relative.substr(0, slash));
    if (name == "..") {
      errno = EXDEV;
      return Fd();
    }
    const bool last = slash == std::string_view::npos;
    Fd next(::openat(at,
                     name.empty() ? "." : name.c_str(),
                     last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (last || !next) {
      return next;
    }
    folder = std::move(next);
    at = folder.get();
    relative.remove_prefix(slash + 1);
  }
}

dsl::Result<std::string> read_descriptor(int fd, const std::string& shown, std::int64_t cap) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) {
    return system_error("read", shown, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return dsl::Error{fmt::format("'{}' is not a regular file", printable(shown)), ""};
  }
  const dsl::Error too_large{fmt::format("'{}' is larger than {} bytes", printable(shown), cap),
                             ""};
  if (status.st_size > cap) {
    return too_large;
  }
  std::string bytes;
  bytes.resize(static_cast<std::size_t>(status.st_size) + 1);  // one more, to see the end at once
  std::size_t size = 0;
  while (true) {
    const ssize_t got = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error("read", shown, errno);
    }
    if (got == 0) {
      break;
    }
    size += static_cast<std::size_t>(got);
    if (size > static_cast<std::size_t>(cap)) {
      return too_large;
    }
    if (size == bytes.size()) {
      bytes.resize(bytes.size() * 2);
    }
  }
  bytes.resize(size);
  return bytes;
}

/// How many bytes the UTF-8 sequence at `at` has; 0: it is not valid.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const unsigned lead = byte(at);
  const auto tail = [&](std::size_t i) { return (byte(at + i) & 0xC0U) == 0x80U; };
  if (lead < 0x80) {
    return 1;
  }
  if (lead >= 0xC2 && lead <= 0xDF && tail(1)) {
    return 2;
  }
  if (lead >= 0xE0 && lead <= 0xEF && tail(1) && tail(2)) {
    const unsigned second = byte(at + 1);
    const bool bad = (lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F);
    return bad ? 0 : 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    const unsigned second = byte(at + 1);
    const bool bad = (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F);
    return bad ? 0 : 4;
  }
  return 0;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

dsl::Error system_error(std::string_view context, const std::string& path, int error_number) {
  return {fmt::format("{} '{}': {}",
                      context,
                      printable(path),
                      std::error_code(error_number, std::generic_category()).message()),
          std::string(remedy_of(error_number))};
}

dsl::Result<std::string> join_below(const std::string& root, const std::string& relative) {
  const auto refused = [&](const char* why) {
    return dsl::Error{fmt::format("path '{}' {}", printable(relative), why),
                      "name a path beneath the folder, without '..'"};
  };
  if (relative.empty()) {
    return refused("is empty");
  }
  if (relative.front() == '/') {
    return refused("is absolute");
  }
  if (relative.find('\0') != std::string::npos) {
    return refused("has a NUL byte");
  }
  for (std::size_t at = 0; at <= relative.size();) {
    const std::size_t end = std::min(relative.find('/', at), relative.size());
    if (relative.compare(at, end - at, "..") == 0) {
      return refused("leads out of its folder");
    }
    at = end + 1;
  }
  return root.ends_with('/') ? root + relative : root + "/" + relative;
}

dsl::Result<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> found(::realpath(path.c_str(), nullptr), std::free);
  if (!found) {
    return system_error("find", path, errno);
  }
  return std::string(found.get());
}

std::string printable(std::string_view path) {
  std::string text;
  text.reserve(path.size());
  for (std::size_t at = 0; at < path.size();) {
    const auto byte = static_cast<unsigned char>(path[at]);
    const std::size_t length = utf8_length(path, at);
    const bool c1_control =
        length == 2 && byte == 0xC2 && static_cast<unsigned char>(path[at + 1]) < 0xA0;
    if (length == 0 || byte < 0x20 || byte == 0x7F || byte == '\\' || c1_control) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned>(byte));
      ++at;
    } else {
      text.append(path.substr(at, length));
      at += length;
    }
  }
  return text;
}

dsl::Result<Fd> open_folder(const std::string& path) {
  Fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) {
    return system_error("open folder", path, errno);
  }
  return folder;
}

Fd open_beneath(int root, const char* relative, int flags) {
  flags |= O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
  if ((flags & O_PATH) != 0) {
    flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  }
  const int fd = openat2_beneath(root, relative, flags);
  if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) {
    return Fd(fd);
  }
  return walk_beneath(root, relative, flags);
}

dsl::Result<std::string> read_beneath(int root, const std::string& relative, std::int64_t cap) {
  if (auto joined = join_below(".", relative); !joined) {
    return joined.error();
  }
  Fd file = open_beneath(root, relative.c_str(), O_RDONLY);
  if (!file) {
    if (errno == ELOOP) {
      return dsl::Error{fmt::format("'{}' is not a regular file (a symbolic link, or beneath one)",
                                    printable(relative)),
                        ""};
    }
    if (errno == ENXIO) {
      return dsl::Error{fmt::format("'{}' is not a regular file", printable(relative)), ""};
    }
    return system_error("read", relative, errno);
  }
  return read_descriptor(file.get(), relative, cap);
}

dsl::Result<std::string> read_beneath(const std::string& root,
                                      const std::string& relative,
                                      std::int64_t cap) {
  auto folder = open_folder(root);
  if (!folder) {
    return folder.error();
  }
  return read_beneath(folder->get(), relative, cap);
}

dsl::Result<std::string> read_file(const std::string& path, std::int64_t cap) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!file) {
    return system_error("read", path, errno);
  }
  return read_descriptor(file.get(), path, cap);
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

dsl::Status write_atomically(const std::string& path,
                             std::string_view bytes,
                             Durable durable,
                             mode_t mode) {
  std::string temporary = path + ".tmp.XXXXXX";
  const Fd file(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!file) {
    return system_error("write", path, errno);
  }
  const bool written = write_all(file.get(), bytes) && ::fchmod(file.get(), mode) == 0 &&
                       (durable == Durable::No || ::fsync(file.get()) == 0) &&
                       ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const int reason = errno;
    ::unlink(temporary.c_str());
    return system_error("write", path, reason);
  }
  if (durable == Durable::Yes) {
    const Fd folder(::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder || ::fsync(folder.get()) != 0) {
      return system_error("write", path, errno);
    }
  }
  return dsl::Ok{};
}

bool copy_contents(int from, int to) {
  if (::lseek(from, 0, SEEK_CUR) == 0 && ::ioctl(to, FICLONE, from) == 0) {
    return true;
  }
  while (true) {
    const ssize_t copied = ::copy_file_range(from, nullptr, to, nullptr, 1U << 30U, 0);
    if (copied == 0) {
      return true;
    }
    if (copied < 0 && errno == EINTR) {
      continue;
    }
    if (copied < 0) {
      break;  // not between these two; what was copied so far moved both offsets
    }
  }
  if (errno == ENOSPC || errno == EDQUOT || errno == EIO) {
    return false;
  }
  const auto buffer = std::make_unique<std::array<char, kBuffer>>();
  while (true) {
    const ssize_t got = ::read(from, buffer->data(), buffer->size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return got == 0;
    }
    if (!write_all(to, {buffer->data(), static_cast<std::size_t>(got)})) {
      return false;
    }
  }
}

dsl::Status make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) {
    return dsl::Ok{};
  }
  if (errno == ENOENT && path.find('/', 1) != std::string::npos) {
    if (auto made = make_directories(folder_of(path), mode); !made) {
      return made;
    }
    if (::mkdir(path.c_str(), mode) == 0) {
      return dsl::Ok{};
    }
  }
  const int reason = errno;
  struct stat status {};
  if (reason == EEXIST && ::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return dsl::Ok{};
    }
    return dsl::Error{
        fmt::format("make folder '{}': a file of that name is there", printable(path)),
        "move the file away"};
  }
  return system_error("make folder", path, reason);
}

dsl::Result<std::string> make_temporary_folder(const std::string& parent,
                                               const std::string& prefix) {
  std::string path = parent + "/" + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) {
    return system_error("make folder", path, errno);
  }
  return path;
}

std::string stamp_of(const struct stat& status) {
  return fmt::format("{:o} {} {} {}.{} {}.{}",
                     status.st_mode,
                     S_ISDIR(status.st_mode) ? 0 : status.st_size,
                     status.st_ino,
                     status.st_mtim.tv_sec,
                     status.st_mtim.tv_nsec,
                     status.st_ctim.tv_sec,
                     status.st_ctim.tv_nsec);
}

std::int64_t clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

dsl::Status set_modified(const std::string& path, std::int64_t at_ns) {
  const timespec at{at_ns / 1'000'000'000, at_ns % 1'000'000'000};
  const timespec times[2] = {at, at};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    return system_error("stamp", path, errno);
  }
  return dsl::Ok{};
}

dsl::Status flush_file_system(const std::string& path) {
  const Fd any(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!any || ::syncfs(any.get()) != 0) {
    return system_error("flush", path, errno);
  }
  return dsl::Ok{};
}

}  // namespace runner::files
