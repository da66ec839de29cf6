// Walking, copying and removing whole folders; declared in files.h.

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <fmt/format.h>

#include "runner/sys/files.h"

namespace runner::files {
namespace {

/// The kernel's own record of a name; no allocation and no second descriptor as with opendir.
struct NameRecord {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[1];
};

bool is_dot(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/// A folder that its owner made unreadable is made accessible; false: it cannot be.
bool make_accessible(int parent, const char* name) {
  const Fd place(::openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return false;
  }
  const std::string handle = fmt::format("/proc/self/fd/{}", place.get());
  return ::chmod(handle.c_str(), 0700) == 0;
}

Fd open_to_empty(int parent, const char* name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd folder(::openat(parent, name, kFlags));
  if (!folder && errno == EACCES && make_accessible(parent, name)) {
    folder = Fd(::openat(parent, name, kFlags));
  }
  return folder;
}

/// Removes trees below one top folder. What lies deeper than `kDepth` is first moved up to the top,
/// so that neither the stack nor the number of descriptors grows with the depth.
class Remover {
 public:
  explicit Remover(int top) : top_(top) {}

  /// 0, or the errno of the first thing that could not be removed.
  int remove(int parent, const char* name, int depth) {
    if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
      return 0;
    }
    if (errno == EACCES || errno == EPERM) {
      ::fchmod(parent, 0700);  // a read-only folder; where we do not own it the next call says so
      if (::unlinkat(parent, name, 0) == 0 || errno == ENOENT) {
        return 0;
      }
    }
    if (errno != EISDIR && errno != EPERM) {
      return errno;
    }
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT) {
      return 0;
    }
    if (errno != ENOTEMPTY && errno != EEXIST) {
      return errno;
    }
    if (depth == kDepth) {
      const std::string raised = fmt::format(".removed-{}-{}", ::getpid(), raised_++);
      if (::renameat(parent, name, top_, raised.c_str()) != 0 &&
          (!make_accessible(parent, name) || ::renameat(parent, name, top_, raised.c_str()) != 0)) {
        return errno;
      }
      pending_.push_back(raised);
      return 0;
    }
    return remove_folder(parent, name, depth);
  }

  int remove_pending() {
    int first = 0;
    while (!pending_.empty()) {
      const std::string name = std::move(pending_.back());
      pending_.pop_back();
      const int failed = remove(top_, name.c_str(), 0);
      first = first == 0 ? failed : first;
    }
    return first;
  }

 private:
  static constexpr int kDepth = 64;

  int remove_folder(int parent, const char* name, int depth) {
    int first = 0;
    {
      const Fd folder = open_to_empty(parent, name);
      std::vector<std::string> names;
      if (!folder || !list_names(folder.get(), names)) {
        return errno;
      }
      for (const std::string& entry : names) {
        const int failed = remove(folder.get(), entry.c_str(), depth + 1);
        first = first == 0 ? failed : first;
      }
    }
    if (first == 0 && ::unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) {
      first = errno;
    }
    return first;
  }

  const int top_;
  std::size_t raised_ = 0;
  std::vector<std::string> pending_;
};

constexpr int kMaxCopyDepth = 256;

dsl::Status copy_link(int from_folder,
                      const std::string& from,
                      int to_folder,
                      const std::string& to) {
  std::string target(PATH_MAX, '\0');
  const ssize_t size = ::readlinkat(from_folder, from.c_str(), target.data(), target.size());
  if (size < 0) {
    return system_error("copy", from, errno);
  }
  target.resize(static_cast<std::size_t>(size));
  if (::symlinkat(target.c_str(), to_folder, to.c_str()) != 0) {
    return system_error("copy to", to, errno);
  }
  return dsl::Ok{};
}

dsl::Status copy_file(int from_folder,
                      const std::string& from,
                      int to_folder,
                      const std::string& to) {
  const Fd source(::openat(
      from_folder, from.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status {};
  if (!source || ::fstat(source.get(), &status) != 0) {
    return system_error("copy", from, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    return dsl::Error{fmt::format("copy '{}': not a regular file", printable(from)), ""};
  }
  const Fd target(
      ::openat(to_folder, to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!target || !copy_contents(source.get(), target.get()) ||
      ::fchmod(target.get(), status.st_mode & 0777U) != 0) {
    return system_error("copy to", to, errno);
  }
  return dsl::Ok{};
}

dsl::Status copy_any(
    int from_folder, const std::string& from, int to_folder, const std::string& to, int depth);

dsl::Status copy_folder(
    int from_folder, const std::string& from, int to_folder, const std::string& to, int depth) {
  if (depth > kMaxCopyDepth) {
    return dsl::Error{fmt::format("copy: folders are nested deeper than {}", kMaxCopyDepth), ""};
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  const Fd source(::openat(from_folder, from.c_str(), kFlags));
  struct stat status {};
  std::vector<std::string> names;
  if (!source || ::fstat(source.get(), &status) != 0 || !list_names(source.get(), names)) {
    return system_error("copy", from, errno);
  }
  if (::mkdirat(to_folder, to.c_str(), 0700) != 0) {
    return system_error("copy to", to, errno);
  }
  const Fd target(::openat(to_folder, to.c_str(), kFlags));
  if (!target) {
    return system_error("copy to", to, errno);
  }
  for (const std::string& name : names) {
    if (auto copied = copy_any(source.get(), name, target.get(), name, depth + 1); !copied) {
      return copied;
    }
  }
  if (::fchmod(target.get(), status.st_mode & 0777U) != 0) {
    return system_error("copy to", to, errno);
  }
  return dsl::Ok{};
}

dsl::Status copy_any(
    int from_folder, const std::string& from, int to_folder, const std::string& to, int depth) {
  struct stat status {};
  if (::fstatat(from_folder, from.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return system_error("copy", from, errno);
  }
  if (S_ISDIR(status.st_mode)) {
    return copy_folder(from_folder, from, to_folder, to, depth);
  }
  if (S_ISLNK(status.st_mode)) {
    return copy_link(from_folder, from, to_folder, to);
  }
  if (S_ISREG(status.st_mode)) {
    return copy_file(from_folder, from, to_folder, to);
  }
  return dsl::Ok{};
}

}  // namespace

bool for_each_name(int folder,
                   const std::function<bool(const char* name, unsigned char type)>& each) {
  // Not on the stack: walks of nested folders have one a level. Of bytes, that `new` aligns for
  // all.
  constexpr std::size_t kSize = 32 * 1024;
  static_assert(alignof(NameRecord) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  const auto memory = std::make_unique_for_overwrite<char[]>(kSize);
  char* const buffer = memory.get();
  if (::lseek(folder, 0, SEEK_SET) < 0) {
    return false;
  }
  while (true) {
    const ssize_t got = ::getdents64(folder, buffer, kSize);
    if (got <= 0) {
      return got == 0;
    }
    for (ssize_t at = 0; at < got;) {
      const auto* record = reinterpret_cast<const NameRecord*>(buffer + at);
      at += record->length;
      if (!is_dot(record->name) && !each(record->name, record->type)) {
        return true;
      }
    }
  }
}

bool list_names(int folder, std::vector<std::string>& names) {
  return for_each_name(folder, [&](const char* name, unsigned char) {
    names.emplace_back(name);
    return true;
  });
}

dsl::Status remove_tree(const std::string& path) {
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) {
    trimmed.pop_back();
  }
  const std::size_t slash = trimmed.rfind('/');
  const std::string parent = slash == std::string::npos ? "." : trimmed.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  const Fd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    return errno == ENOENT ? dsl::Status(dsl::Ok{}) : system_error("remove", path, errno);
  }
  Remover remover(folder.get());
  const int failed = remover.remove(folder.get(), name.c_str(), 0);
  const int failed_below = remover.remove_pending();
  if (failed != 0 || failed_below != 0) {
    return system_error("remove", path, failed != 0 ? failed : failed_below);
  }
  return dsl::Ok{};
}

dsl::Status remove_contents(int folder, std::span<const std::string_view> kept) {
  std::vector<std::string> names;
  const bool listed = for_each_name(folder, [&](const char* name, unsigned char) {
    if (std::find(kept.begin(), kept.end(), name) == kept.end()) {
      names.emplace_back(name);
    }
    return true;
  });
  if (!listed) {
    return system_error("read folder", ".", errno);
  }
  Remover remover(folder);
  int first = 0;
  for (const std::string& name : names) {
    const int failed = remover.remove(folder, name.c_str(), 0);
    first = first == 0 ? failed : first;
  }
  const int failed_below = remover.remove_pending();
  if (first != 0 || failed_below != 0) {
    return system_error("remove what is in", ".", first != 0 ? first : failed_below);
  }
  return dsl::Ok{};
}

dsl::Status copy_tree(int from_folder,
                      const std::string& from,
                      int to_folder,
                      const std::string& to) {
  return copy_any(from_folder, from, to_folder, to, 0);
}

namespace {

constexpr int kMostNested = 512;  // open descriptors, one a level

std::optional<std::int64_t> disk_use_below(int parent, const char* name, int depth) {
  struct stat status {};
  if (::fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return 0;
  }
  std::int64_t bytes = status.st_blocks * 512;
  if (!S_ISDIR(status.st_mode)) {
    return bytes;
  }
  if (depth == kMostNested) {
    return std::nullopt;
  }
  const Fd folder(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  bool can_tell = true;
  if (folder) {
    for_each_name(folder.get(), [&](const char* below, unsigned char) {
      const auto more = disk_use_below(folder.get(), below, depth + 1);
      can_tell = can_tell && more.has_value();
      bytes += more.value_or(0);
      return can_tell;
    });
  }
  return can_tell ? std::optional(bytes) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> disk_use(const std::string& path) {
  return disk_use_below(AT_FDCWD, path.c_str(), 0);
}

}  // namespace runner::files
