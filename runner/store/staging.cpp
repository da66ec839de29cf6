#include "runner/store/staging.h"

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "runner/store/checkout.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;

constexpr int kFolder = O_RDONLY | O_DIRECTORY;

/// Why a folder could not be opened: it is not there, or will be made in the place of a file or
/// link that goes.
bool is_to_be_made(int reason) {
  return reason == ENOENT || reason == ENOTDIR || reason == ELOOP;
}

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::pair(std::string("."), path)
                                    : std::pair(path.substr(0, slash), path.substr(slash + 1));
}

/// What root writes into somebody's folder is that somebody's, as all else there is; and a folder
/// that hands its group on does so.
void give_to_owner(int folder, const std::string& name, const struct stat& like) {
  const bool root = ::geteuid() == 0;
  if (root || (like.st_mode & S_ISGID) != 0) {
    static_cast<void>(::fchownat(folder,
                                 name.c_str(),
                                 root ? like.st_uid : static_cast<uid_t>(-1),
                                 like.st_gid,
                                 AT_SYMLINK_NOFOLLOW));
  }
}

/// Empty folders may be left where others were emptied.
void remove_empty_folders(int folder, const std::string& name) {
  const Fd opened = files::open_beneath(folder, name.c_str(), kFolder);
  std::vector<std::string> names;
  if (opened && files::list_names(opened.get(), names)) {
    for (const std::string& inner : names) {
      remove_empty_folders(opened.get(), inner);
    }
  }
  ::unlinkat(folder, name.c_str(), AT_REMOVEDIR);
}

}  // namespace

Staging::~Staging() {
  if (staged_) {
    remove();
  }
}

dsl::Status Staging::begin() {
  remove();
  // Made with all bits, to see which of them the user's umask leaves; then it is nobody else's.
  struct stat status {};
  if (::mkdirat(target_, name_.c_str(), 0777) != 0 ||
      !(staged_ = files::open_beneath(target_, name_.c_str(), kFolder)) ||
      ::fstat(staged_.get(), &status) != 0 ||
      ::fchmod(staged_.get(), 0700U | (status.st_mode & S_ISGID)) != 0) {
    return files::system_error("make folder", name_, errno);
  }
  mode_ = status.st_mode & 0777U;
  return dsl::Ok{};
}

void Staging::remove() {
  const Fd left = files::open_beneath(target_, name_.c_str(), kFolder);
  if (left) {
    static_cast<void>(files::remove_contents(left.get(), {}));
  }
  ::unlinkat(target_, name_.c_str(), AT_REMOVEDIR);
}

dsl::Result<const struct stat*> Staging::counterpart(const std::string& folder) {
  const auto known = folders_.find(folder);
  if (known != folders_.end()) {
    return &known->second;
  }
  struct stat like {};
  const Fd there = files::open_beneath(target_, folder.c_str(), kFolder);
  if (there ? ::fstat(there.get(), &like) != 0 : !is_to_be_made(errno)) {
    return files::system_error("write back", folder, errno);
  }
  if (folder == ".") {
    if (auto begun = begin(); !begun) {
      return begun.error();
    }
  } else {
    auto above = counterpart(split(folder).first);
    if (!above) {
      return above.error();
    }
    if (::mkdirat(staged_.get(), folder.c_str(), mode_) != 0) {
      return files::system_error("make folder", folder, errno);
    }
    if (!there) {
      like = **above;
      give_to_owner(staged_.get(), folder, like);
    }
  }
  return &folders_.emplace(folder, like).first->second;
}

dsl::Status Staging::check_writable(const std::string& path) {
  std::string folder = split(path).first;
  Fd there;
  while (!writable_.contains(folder)) {
    if ((there = files::open_beneath(target_, folder.c_str(), kFolder))) {
      if (::faccessat(there.get(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
        return files::system_error("write into folder", folder, errno);
      }
      writable_.insert(folder);
    } else if (is_to_be_made(errno)) {
      folder = split(folder).first;
    } else {
      return files::system_error("write into folder", folder, errno);
    }
  }
  return dsl::Ok{};
}

dsl::Status Staging::add(git::Objects& objects, const std::string& path, const Entry& entry) {
  const auto [above, name] = split(path);
  auto like = counterpart(above);
  if (!like) {
    return like.error();
  }
  const Fd folder = files::open_beneath(staged_.get(), above.c_str(), kFolder);
  if (!folder) {
    return files::system_error("write", path, errno);
  }
  if (auto written = write_entry(objects, entry, folder.get(), name); !written) {
    return above == "." ? written.error()
                        : written.error().within(fmt::format("in '{}'", files::printable(above)));
  }
  const Fd there = files::open_beneath(target_, above.c_str(), kFolder);
  struct stat old {};
  const bool replaces = there &&
                        ::fstatat(there.get(), name.c_str(), &old, AT_SYMLINK_NOFOLLOW) == 0 &&
                        S_ISREG(old.st_mode);
  give_to_owner(folder.get(), name, replaces ? old : **like);
  if (entry.kind == Kind::Link) {
    return dsl::Ok{};
  }
  const mode_t kept = (replaces ? old.st_mode & 0777U : mode_) & ~0111U;
  const mode_t mode = entry.kind == Kind::Executable ? kept | 0100U | ((kept & 0044U) >> 2U) : kept;
  if (::fchmodat(folder.get(), name.c_str(), mode, 0) != 0) {
    return files::system_error("write", path, errno);
  }
  return dsl::Ok{};
}

dsl::Status Staging::add_folder(const std::string& path) {
  auto made = counterpart(path);
  return made ? dsl::Status(dsl::Ok{}) : made.error();
}

dsl::Status Staging::put_in_place() {
  return staged_ ? move(staged_.get(), target_, "") : dsl::Ok{};
}

dsl::Status Staging::move(int from, int to, const std::string& prefix) {
  std::vector<std::string> names;
  if (!files::list_names(from, names)) {
    return files::system_error("write back", prefix, errno);
  }
  for (const std::string& name : names) {
    const Fd source = files::open_beneath(from, name.c_str(), kFolder);
    const Fd place = files::open_beneath(to, name.c_str(), kFolder);
    if (source && place) {
      if (auto moved = move(source.get(), place.get(), prefix + name + "/"); !moved) {
        return moved;
      }
      continue;
    }
    if (place) {
      remove_empty_folders(to, name);
    }
    if (::renameat(from, name.c_str(), to, name.c_str()) != 0) {
      return files::system_error("write back", prefix + name, errno);
    }
  }
  return dsl::Ok{};
}

}  // namespace runner
