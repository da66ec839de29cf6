#include "runner/engine/oci_layer.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "runner/sys/files.h"

namespace runner {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr unsigned kModeBits = 01777;  // no setuid, no setgid

/// Opens a path as if `root` were "/".
Fd open_in_root(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<__u64>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return Fd(static_cast<int>(syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how))));
}

/// "./a//b/" is {a, b}; "." and ".." have no business in a layer.
dsl::Result<std::vector<std::string>> names_of(const std::string& path) {
  std::vector<std::string> names;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('/'), rest.size());
    const std::string_view name = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (name == "..") {
      return dsl::Error{
          "the image has the path '" + files::printable(path) + "', which leads out of it",
          "take the image from another source"};
    }
    if (!name.empty() && name != ".") {
      names.emplace_back(name);
    }
  }
  return names;
}

std::string join(const std::vector<std::string>& names, std::size_t count) {
  std::string path;
  for (std::size_t i = 0; i < count; ++i) {
    path += (i > 0 ? "/" : "") + names[i];
  }
  return path;
}

dsl::Error trouble(const char* what, const std::string& path) {
  return files::system_error(what, path, errno);
}

}  // namespace

LayerWriter::LayerWriter(const Fd& root) : root_(root.get()), is_root_user_(geteuid() == 0) {}

/// The folder that holds the last name of `path`, made with all above it where it is not there.
dsl::Result<Fd> LayerWriter::open_parent(const std::string& path) {
  auto names = names_of(path);
  if (!names) {
    return names.error();
  }
  const std::string folder = names->empty() ? "." : join(*names, names->size() - 1);
  Fd parent = open_in_root(root_, folder.empty() ? "." : folder, O_PATH | O_DIRECTORY);
  if (parent) {
    return parent;
  }
  for (std::size_t depth = 0; depth < names->size(); ++depth) {
    const std::string above = depth == 0 ? "." : join(*names, depth);
    parent = open_in_root(root_, above, O_PATH | O_DIRECTORY);
    if (!parent) {
      return trouble("unpack", path);
    }
    if (depth + 1 < names->size() && mkdirat(parent.get(), (*names)[depth].c_str(), 0755) != 0 &&
        errno != EEXIST) {
      return trouble("unpack", path);
    }
  }
  return parent;
}

dsl::Status LayerWriter::add(const LayerEntry& entry, const Reader& read) {
  auto names = names_of(entry.path);
  if (!names) {
    return names.error();
  }
  if (names->empty() || entry.kind == LayerEntry::Kind::Device) {
    return dsl::Ok{};  // the root itself; devices are ours to give
  }
  const std::string path = join(*names, names->size());
  const std::string name = names->back();
  if (name == kOpaque) {
    return remove_below(join(*names, names->size() - 1));
  }
  auto parent = open_parent(path);
  if (!parent) {
    return parent.error();
  }
  if (std::string_view(name).starts_with(kWhiteout)) {
    const std::string hidden = name.substr(kWhiteout.size());
    if (hidden.empty() || hidden == "." || hidden == "..") {
      return dsl::Ok{};
    }
    return remove(parent->get(), hidden, path);
  }
  added_.insert(path);
  if (entry.kind == LayerEntry::Kind::Folder) {
    return make_folder(parent->get(), name, entry);
  }
  if (auto removed = remove(parent->get(), name, path); !removed) {
    return removed;
  }
  switch (entry.kind) {
    case LayerEntry::Kind::File:
      return write_file(parent->get(), name, entry, read);
    case LayerEntry::Kind::HardLink:
      return make_hard_link(parent->get(), name, entry);
    case LayerEntry::Kind::Link:
      if (symlinkat(entry.target.c_str(), parent->get(), name.c_str()) != 0) {
        return trouble("unpack the link", path);
      }
      return own(parent->get(), name, entry);
    case LayerEntry::Kind::Fifo:
      if (mkfifoat(parent->get(), name.c_str(), entry.mode & kModeBits) != 0) {
        return trouble("unpack the pipe", path);
      }
      return own(parent->get(), name, entry);
    case LayerEntry::Kind::Folder:
    case LayerEntry::Kind::Device:
      break;
  }
  return dsl::Ok{};
}

dsl::Status LayerWriter::remove(int parent,
                                const std::string& name,
                                const std::string& path) const {
  if (unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) {
    return dsl::Ok{};
  }
  if (errno == EISDIR || errno == EPERM) {
    return files::remove_tree("/proc/self/fd/" + std::to_string(parent) + "/" + name);
  }
  return trouble("replace", path);
}

/// What lower layers have in the folder is hidden; what this one put there stays.
dsl::Status LayerWriter::remove_below(const std::string& folder) {
  const Fd opened = open_in_root(root_, folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY);
  if (!opened) {
    return dsl::Ok{};  // there is nothing to hide
  }
  std::vector<std::string> names;
  if (!files::list_names(opened.get(), names)) {
    return trouble("list", folder);
  }
  for (const std::string& name : names) {
    const std::string path = folder.empty() ? name : folder + "/" + name;
    if (added_.count(path) == 0) {
      if (auto removed = remove(opened.get(), name, path); !removed) {
        return removed;
      }
    }
  }
  return dsl::Ok{};
}

dsl::Status LayerWriter::write_file(int parent,
                                    const std::string& name,
                                    const LayerEntry& entry,
                                    const Reader& read) const {
  const Fd file(
      openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) {
    return trouble("unpack", entry.path);
  }
  std::vector<char> buffer(1 << 16);
  for (;;) {
    const std::int64_t got = read(buffer.data(), buffer.size());
    if (got < 0) {
      return dsl::Error{"unpack '" + entry.path + "': the archive is damaged",
                        "take the image from its source again"};
    }
    if (got == 0) {
      break;
    }
    if (!files::write_all(file.get(), {buffer.data(), static_cast<std::size_t>(got)})) {
      return trouble("unpack", entry.path);
    }
  }
  const std::array<timespec, 2> times = {timespec{0, UTIME_NOW}, timespec{entry.mtime_s, 0}};
  if ((is_root_user_ &&
       fchown(file.get(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) ||
      fchmod(file.get(), entry.mode & kModeBits) != 0 || futimens(file.get(), times.data()) != 0) {
    return trouble("unpack", entry.path);
  }
  return dsl::Ok{};
}

dsl::Status LayerWriter::make_folder(int parent,
                                     const std::string& name,
                                     const LayerEntry& entry) const {
  struct stat status {};
  if (fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
      !S_ISDIR(status.st_mode)) {
    if (auto removed = remove(parent, name, entry.path); !removed) {
      return removed;
    }
  }
  if (mkdirat(parent, name.c_str(), 0755) != 0 && errno != EEXIST) {
    return trouble("unpack the folder", entry.path);
  }
  const Fd folder(openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  // An ordinary user must be able to remove it again.
  const unsigned mode = (entry.mode & kModeBits) | (is_root_user_ ? 0U : 0700U);
  if (!folder ||
      (is_root_user_ &&
       fchown(folder.get(), static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) ||
      fchmod(folder.get(), mode) != 0) {
    return trouble("unpack the folder", entry.path);
  }
  return dsl::Ok{};
}

dsl::Status LayerWriter::make_hard_link(int parent,
                                        const std::string& name,
                                        const LayerEntry& entry) {
  auto names = names_of(entry.target);
  if (!names) {
    return names.error();
  }
  if (names->empty()) {
    return dsl::Error{"the image links '" + entry.path + "' to nothing", ""};
  }
  auto target_parent = open_parent(join(*names, names->size()));
  if (!target_parent) {
    return target_parent.error();
  }
  if (linkat(target_parent->get(), names->back().c_str(), parent, name.c_str(), 0) != 0) {
    return trouble("unpack the link", entry.path);
  }
  return dsl::Ok{};
}

dsl::Status LayerWriter::own(int parent, const std::string& name, const LayerEntry& entry) const {
  if (is_root_user_ && fchownat(parent,
                                name.c_str(),
                                static_cast<uid_t>(entry.uid),
                                static_cast<gid_t>(entry.gid),
                                AT_SYMLINK_NOFOLLOW) != 0) {
    return trouble("unpack", entry.path);
  }
  return dsl::Ok{};
}

}  // namespace runner
