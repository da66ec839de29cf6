#include "runner/store/caches.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/sys/files.h"

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

std::pair<std::string, std::string> split(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) {
    return {".", path};
  }
  return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

std::string Caches::folder_of(const std::string& key) const {
  return folder_ + "/" + dsl::sha256_hex(key);
}

dsl::Status Caches::restore(const CachePath& cache, const CacheRoots& roots) const {
  const std::string kept = folder_of(cache.key);
  if (::access(kept.c_str(), F_OK) != 0) {
    return dsl::Ok{};
  }
  for (std::size_t i = 0; i < cache.paths.size(); ++i) {
    const std::string from = fmt::format("{}/{}", kept, i);
    auto place = place_of(cache.paths[i], roots);
    if (!place) {
      return place.error();
    }
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

dsl::Status Caches::save(const CachePath& cache, const CacheRoots& roots) const {
  const std::string kept = folder_of(cache.key);
  if (::access(kept.c_str(), F_OK) == 0) {
    return dsl::Ok{};
  }
  if (auto made = files::make_directories(folder_); !made) {
    return made;
  }
  auto temporary = files::make_temporary_folder(folder_, ".saving-");
  if (!temporary) {
    return temporary.error();
  }
  dsl::Status saved = dsl::Ok{};
  for (std::size_t i = 0; saved && i < cache.paths.size(); ++i) {
    auto place = place_of(cache.paths[i], roots);
    if (!place) {
      saved = place.error();
      break;
    }
    const auto [parent, name] = split(place->path);
    const Fd folder = files::open_beneath(place->root, parent.c_str(), O_PATH | O_DIRECTORY);
    struct stat status {};
    if (folder && ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
      saved = files::copy_tree(folder.get(), name, AT_FDCWD, fmt::format("{}/{}", *temporary, i));
    }
  }
  if (saved) {
    saved = files::flush_file_system(*temporary);
  }
  if (saved && ::rename(temporary->c_str(), kept.c_str()) != 0 && errno != EEXIST &&
      errno != ENOTEMPTY) {
    saved = files::system_error("save cache", kept, errno);
  }
  static_cast<void>(files::remove_tree(*temporary));  // still there when saving failed or was late
  return saved ? saved
               : saved.error().within(fmt::format("cache '{}'", files::printable(cache.key)));
}

}  // namespace runner
