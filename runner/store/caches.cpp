#include "runner/store/caches.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/sys/files.h"
#include "runner/sys/locks.h"

namespace runner {
namespace {

struct PlaceOf {
  int root;
  std::string path;  // beneath it
};

dsl::Result<PlaceOf> place_of(const std::string& path, const CacheRoots& roots) {
  const bool in_home = path.starts_with("~/");
  std::string relative = in_home ? path.substr(2) : path;
  while (relative.ends_with('/')) {
    relative.pop_back();
  }
  if (auto joined = files::join_below(".", relative); !joined) {
    return joined.error().within("cache");
  }
  return PlaceOf{in_home ? roots.home : roots.workspace, relative};
}

/// The folder that `path` lies in, made where it is not there, and the last name of `path`.
dsl::Result<std::pair<Fd, std::string>> make_parent(const PlaceOf& place) {
  Fd folder(::openat(place.root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::string_view rest = place.path;
  for (std::size_t slash = rest.find('/'); folder && slash != std::string_view::npos;
       slash = rest.find('/')) {
    const std::string name(rest.substr(0, slash));
    rest.remove_prefix(slash + 1);
    if (name.empty() || name == ".") {
      continue;
    }
    if (::mkdirat(folder.get(), name.c_str(), 0755) != 0 && errno != EEXIST) {
      break;
    }
    folder =
        Fd(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  }
  if (!folder || rest.find('/') != std::string_view::npos) {
    return files::system_error("restore cache", place.path, errno);
  }
  return std::pair(std::move(folder), std::string(rest));
}

/// A path by which it is found again, however it is written.
std::string plain(std::string path) {
  while (path.ends_with('/')) {
    path.pop_back();
  }
  while (path.starts_with("./")) {
    path.erase(0, 2);
  }
  return path;
}

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

std::string Caches::name_of(const std::string& key) const {
  return dsl::sha256_hex(dsl::sha256_hex(owner_) + key);
}

bool Caches::has(const std::string& key) const {
  return ::access((folder_ + "/" + name_of(key)).c_str(), F_OK) == 0;
}

dsl::Status Caches::restore(const CachePath& cache, const CacheRoots& roots) const {
  const bool begins = !cache.else_key.empty() && !has(cache.key);
  const std::string kept = folder_ + "/" + name_of(begins ? cache.else_key : cache.key);
  if (::access(kept.c_str(), F_OK) != 0) {
    return dsl::Ok{};
  }
  const auto lock = FileLock::take(lock_file(), FileLock::How::Shared);
  if (!lock) {
    return lock.error();
  }
  for (const std::string& path : cache.paths) {
    auto place = place_of(path, roots);
    if (!place) {
      return place.error();
    }
    const std::string from = kept + "/" + dsl::sha256_hex(plain(path));
    struct stat status {};
    if (::lstat(from.c_str(), &status) != 0) {
      continue;  // was not there when the cache was saved
    }
    auto parent = make_parent(*place);
    if (!parent) {
      return parent.error();
    }
    const auto& [folder, name] = *parent;
    if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      continue;
    }
    auto copied = files::copy_tree(AT_FDCWD, from, folder.get(), name);
    if (!copied) {
      return copied.error().within("restore cache");
    }
  }
  ::utimensat(AT_FDCWD, kept.c_str(), nullptr, 0);  // the date of the last use, for `clean`
  return dsl::Ok{};
}

dsl::Status Caches::stage(const CachePath& cache,
                          const CacheRoots& roots,
                          const std::string& staged) const {
  const std::string folder = staged + "/" + name_of(cache.key);
  dsl::Status done = files::make_directories(folder);
  for (const std::string& path : cache.paths) {
    auto place = place_of(path, roots);
    if (!place) {
      return place.error();
    }
    const auto [above, name] = split(place->path);
    const Fd parent = files::open_beneath(place->root, above.c_str(), O_PATH | O_DIRECTORY);
    const std::string to = folder + "/" + dsl::sha256_hex(plain(path));
    if (!done || !parent || ::renameat(parent.get(), name.c_str(), AT_FDCWD, to.c_str()) == 0 ||
        errno == ENOENT || errno == ENOTDIR) {
      continue;
    }
    done = files::copy_tree(parent.get(), name, AT_FDCWD, to);  // a mount of its own, for instance
  }
  return done ? done : done.error().within(fmt::format("cache '{}'", files::printable(cache.key)));
}

dsl::Status Caches::keep(const std::string& staged) const {
  const Fd folder(::open(staged.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) {
    return errno == ENOENT ? dsl::Status(dsl::Ok{})
                           : files::system_error("read folder", staged, errno);
  }
  std::vector<std::string> names;
  if (!files::list_names(folder.get(), names)) {
    return files::system_error("read folder", staged, errno);
  }
  dsl::Status kept = files::make_directories(folder_);
  if (kept) {
    kept = files::flush_file_system(staged);
  }
  if (kept) {
    const auto lock = FileLock::take(lock_file(), FileLock::How::Exclusive);
    kept = lock ? dsl::Status(dsl::Ok{}) : dsl::Status(lock.error());
    for (const std::string& name : names) {
      const std::string from = staged + "/" + name;
      const std::string to = folder_ + "/" + name;
      ::utimensat(AT_FDCWD, from.c_str(), nullptr, 0);
      // What was there changes places with it, and goes with `staged`.
      if (kept && ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) != 0 &&
          ::rename(from.c_str(), to.c_str()) != 0) {
        kept = files::system_error("save cache", to, errno);
      }
    }
  }
  const dsl::Status removed = files::remove_tree(staged);
  return kept ? removed : kept;
}

}  // namespace runner
