// How a result reaches a folder that is no repository. Declared in project.h.

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/store/checkout.h"
#include "runner/store/project.h"
#include "runner/store/tree_paths.h"
#include "runner/store/tree_reading.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

class WriteBack {
 public:
  WriteBack(Objects& objects, int folder) : objects_(objects), folder_(folder) {}

  /// Finds out what to do. An Error names files that are not as they were taken.
  dsl::Status plan(const Halves& before, const Halves& after) {
    constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
    auto files = diff_trees(objects_, before.files, after.files, kAll);
    auto artifacts = diff_trees(objects_, before.artifacts, after.artifacts, kAll);
    if (!files || !artifacts) {
      return files ? artifacts.error() : files.error();
    }
    for (Difference& difference : **files) {
      (difference.after ? to_write_ : to_remove_).push_back(std::move(difference));
    }
    auto kept_back = folders_of_artifacts(after);
    if (!kept_back) {
      return kept_back.error();
    }
    for (const Difference& difference : **artifacts) {
      if (difference.after && difference.after->kind == Kind::Folder) {
        if (!is_in(*kept_back, difference.path)) {
          folders_.push_back(difference.path);
        }
      } else if (difference.before && difference.before->kind == Kind::Folder) {
        old_folders_.push_back(difference.path);
      }
    }
    for (const auto* list : {&to_remove_, &to_write_}) {
      for (const Difference& difference : *list) {
        if (auto checked = check(difference); !checked) {
          return checked;
        }
      }
    }
    if (changed_.empty()) {
      return dsl::Ok{};
    }
    std::string names;
    for (std::size_t i = 0; i < changed_.size() && i < 5; ++i) {
      names += fmt::format("{}'{}'", i == 0 ? "" : ", ", files::printable(changed_[i]));
    }
    if (changed_.size() > 5) {
      names += fmt::format(" and {} more", changed_.size() - 5);
    }
    return dsl::Error{
        fmt::format("changed in the folder since the run began: {}; nothing was written", names),
        "put these files back or out of the way and deliver again with 'pipe resume'; the result "
        "is "
        "kept in the run store"};
  }

  dsl::Status apply(const Halves& after) {
    for (auto difference = to_remove_.rbegin(); difference != to_remove_.rend(); ++difference) {
      if (auto removed = remove(difference->path, after); !removed) {
        return removed;
      }
    }
    for (const Difference& difference : to_write_) {
      if (auto written = write(difference); !written) {
        return written;
      }
    }
    for (const std::string& path : folders_) {
      if (auto made = parent_of(path + "/", true); !made) {
        return made.error();
      }
    }
    for (auto path = old_folders_.rbegin(); path != old_folders_.rend(); ++path) {
      remove_empty(*path, after);
    }
    return dsl::Ok{};
  }

  [[nodiscard]] bool empty() const {
    return to_remove_.empty() && to_write_.empty() && folders_.empty() && old_folders_.empty();
  }

 private:
  /// Folders of the result with artifacts in them and no other files. Artifacts are for later tasks
  /// and not delivered; the empty folders among them are nothing without them.
  dsl::Result<std::set<std::string>> folders_of_artifacts(const Halves& after) {
    std::set<std::string> folders;
    auto walked = for_each_entry(
        objects_, after.artifacts, [&](const std::string& path, const Entry& entry) -> dsl::Status {
          if (entry.kind == Kind::Folder) {
            return dsl::Ok{};
          }
          for (std::size_t end = path.rfind('/'); end != std::string::npos && end > 0;
               end = path.rfind('/', end - 1)) {
            const std::string folder = path.substr(0, end);
            auto delivered = find_entry(objects_, after.files, folder);
            if (!delivered) {
              return delivered.error();
            }
            if (delivered->has_value() || !folders.insert(folder).second) {
              break;  // and so is all above it, or it is known
            }
          }
          return dsl::Ok{};
        });
    return walked ? dsl::Result<std::set<std::string>>(std::move(folders)) : walked.error();
  }

  static bool is_in(const std::set<std::string>& folders, const std::string& path) {
    for (std::size_t end = path.find('/'); end != std::string::npos;
         end = path.find('/', end + 1)) {
      if (folders.contains(path.substr(0, end))) {
        return true;
      }
    }
    return false;
  }

  /// What root writes into somebody's folder is that somebody's, as all else there is.
  static void give_to_owner(int folder, const std::string& name, const struct stat& like) {
    if (::geteuid() == 0) {
      static_cast<void>(
          ::fchownat(folder, name.c_str(), like.st_uid, like.st_gid, AT_SYMLINK_NOFOLLOW));
    }
  }

  struct Parent {
    Fd folder;
    std::string name;
  };

  static std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::pair(std::string("."), path)
                                      : std::pair(path.substr(0, slash), path.substr(slash + 1));
  }

  /// The open folder of `path`. With `make`, folders on the way are made.
  dsl::Result<Parent> parent_of(const std::string& path, bool make) {
    const auto [folder, name] = split(path);
    if (make) {
      for (std::size_t end = folder.find('/');; end = folder.find('/', end + 1)) {
        const auto [above, last] = split(folder.substr(0, end));
        const Fd at = files::open_beneath(folder_, above.c_str(), O_RDONLY | O_DIRECTORY);
        struct stat owner {};
        if (!at || ::fstat(at.get(), &owner) != 0) {
          return files::system_error("write back", path, errno);
        }
        if (last != "." && ::mkdirat(at.get(), last.c_str(), 0755) == 0) {
          give_to_owner(at.get(), last, owner);
        } else if (last != "." && errno != EEXIST) {
          return files::system_error("write back", path, errno);
        }
        if (end == std::string::npos) {
          break;
        }
      }
    }
    Fd opened = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (!opened) {
      return files::system_error("write back", path, errno);
    }
    return Parent{std::move(opened), name};
  }

  /// What is at the path now. No value: nothing, as far as git is concerned.
  dsl::Result<std::optional<Entry>> now_at(const std::string& path) {
    const auto [folder, name] = split(path);
    const Fd parent = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
    struct stat status {};
    if (!parent || ::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      // Also where a folder on the way is a file or a link now: then nothing of ours is there.
      return std::optional<Entry>();
    }
    if (S_ISLNK(status.st_mode)) {
      std::string target(PATH_MAX, '\0');
      const ssize_t size = ::readlinkat(parent.get(), name.c_str(), target.data(), target.size());
      target.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
      auto id = objects_.write_blob(target);
      return id ? dsl::Result<std::optional<Entry>>(Entry{name, Kind::Link, *id}) : id.error();
    }
    if (S_ISDIR(status.st_mode)) {
      return std::optional<Entry>(Entry{name, Kind::Folder, {}});
    }
    const Fd file(::openat(
        parent.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file || !S_ISREG(status.st_mode)) {
      return std::optional<Entry>(Entry{name, Kind::Submodule, {}});  // unlike anything we know
    }
    auto id = objects_.write_blob_from(file.get(), status.st_size);
    if (!id) {
      return id.error().within(fmt::format("read '{}'", files::printable(path)));
    }
    const Kind kind = (status.st_mode & S_IXUSR) != 0 ? Kind::Executable : Kind::File;
    return std::optional<Entry>(Entry{name, kind, *id});
  }

  static bool same(const std::optional<Entry>& a, const std::optional<Entry>& b) {
    return a.has_value() == b.has_value() && (!a || (a->kind == b->kind && a->id == b->id));
  }

  dsl::Status check(const Difference& difference) {
    auto now = now_at(difference.path);
    if (!now) {
      return now.error();
    }
    // As it was taken, or as it will be: an earlier attempt may have come this far.
    if (same(*now, difference.before) || same(*now, difference.after)) {
      return dsl::Ok{};
    }
    if (*now && (*now)->kind == Kind::Folder && difference.after && !difference.before) {
      return check_folder(difference.path);
    }
    if (difference.before && difference.before->kind == Kind::Submodule) {
      return dsl::Ok{};
    }
    changed_.push_back(difference.path);
    return dsl::Ok{};
  }

  /// A folder that a file replaces must hold nothing but files that go.
  dsl::Status check_folder(const std::string& path) {
    const Fd folder = files::open_beneath(folder_, path.c_str(), O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names;
    if (!folder || !files::list_names(folder.get(), names)) {
      return files::system_error("read", path, errno);
    }
    for (const std::string& name : names) {
      const std::string inner = path + "/" + name;
      struct stat status {};
      if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          S_ISDIR(status.st_mode)) {
        if (auto checked = check_folder(inner); !checked) {
          return checked;
        }
        continue;
      }
      const bool goes =
          std::any_of(to_remove_.begin(), to_remove_.end(), [&](const Difference& difference) {
            return difference.path == inner;
          });
      if (!goes) {
        changed_.push_back(inner);
      }
    }
    return dsl::Ok{};
  }

  dsl::Status remove(const std::string& path, const Halves& after) {
    const auto [folder, name] = split(path);
    const Fd parent = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (parent && ::unlinkat(parent.get(), name.c_str(), 0) != 0 && errno != ENOENT &&
        errno != EISDIR) {
      return files::system_error("remove", path, errno);
    }
    if (folder != ".") {
      remove_empty(folder, after);
    }
    return dsl::Ok{};
  }

  /// Removes folders from here upwards that are empty and not part of the result.
  void remove_empty(std::string path, const Halves& after) {
    while (path != ".") {
      for (const Oid& half : {after.files, after.artifacts}) {
        auto entry = find_entry(objects_, half, path);
        if (!entry || (*entry && (*entry)->kind == Kind::Folder)) {
          return;
        }
      }
      const auto [folder, name] = split(path);
      const Fd parent = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
      if (!parent || ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) != 0) {
        return;  // not empty: the user keeps other files there
      }
      path = folder;
    }
  }

  dsl::Status write(const Difference& difference) {
    const Entry& entry = *difference.after;
    if (entry.kind == Kind::Submodule) {
      return dsl::Ok{};
    }
    auto parent = parent_of(difference.path, true);
    if (!parent) {
      return parent.error();
    }
    const int folder = parent->folder.get();
    struct stat status {};
    const bool was_file =
        ::fstatat(folder, parent->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode);
    if (S_ISDIR(status.st_mode)) {
      remove_below(difference.path);
    }
    // The same name at every attempt, so that a crash leaves at most one such file.
    const std::string temporary = ".pipe-new-" + dsl::sha256_hex(parent->name).substr(0, 16);
    ::unlinkat(folder, temporary.c_str(), 0);
    if (auto written = write_entry(objects_, entry, folder, temporary); !written) {
      ::unlinkat(folder, temporary.c_str(), 0);
      return written;
    }
    struct stat owner {};
    if (was_file || ::fstat(folder, &owner) == 0) {
      give_to_owner(folder, temporary, was_file ? status : owner);
    }
    if (was_file && entry.kind != Kind::Link) {
      const mode_t kept = status.st_mode & 0777U & ~0111U;
      const mode_t mode =
          entry.kind == Kind::Executable ? kept | 0100U | ((kept & 0044U) >> 2U) : kept;
      ::fchmodat(folder, temporary.c_str(), mode, 0);
    }
    if (::renameat(folder, temporary.c_str(), folder, parent->name.c_str()) != 0) {
      const int reason = errno;
      ::unlinkat(folder, temporary.c_str(), 0);
      return files::system_error("write back", difference.path, reason);
    }
    return dsl::Ok{};
  }

  /// A folder whose files are gone already may have empty folders left in it.
  void remove_below(const std::string& path) {
    const auto [folder, name] = split(path);
    const Fd opened = files::open_beneath(folder_, path.c_str(), O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names;
    if (opened && files::list_names(opened.get(), names)) {
      for (const std::string& inner : names) {
        remove_below(path + "/" + inner);
      }
    }
    const Fd parent = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
    if (parent) {
      ::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR);
    }
  }

  Objects& objects_;
  const int folder_;
  std::vector<Difference> to_remove_;
  std::vector<Difference> to_write_;
  std::vector<std::string> folders_;      // without files, to be there
  std::vector<std::string> old_folders_;  // without files, to go
  std::vector<std::string> changed_;
};

}  // namespace

dsl::Status write_back(TreeStore& store, const Project& project, const TreeRef& result) {
  auto objects = store.borrow();
  auto folder = files::open_folder(project.folder);
  if (!objects || !folder) {
    return objects ? folder.error() : objects.error();
  }
  auto before = halves_of(**objects, project.input);
  auto after = halves_of(**objects, result);
  if (!before || !after) {
    return before ? after.error() : before.error();
  }
  WriteBack work(**objects, folder->get());
  if (auto planned = work.plan(*before, *after); !planned) {
    return planned;
  }
  if (work.empty()) {
    return dsl::Ok{};
  }
  if (auto applied = work.apply(*after); !applied) {
    dsl::Error error = applied.error().within("only a part of the result was written");
    error.remedy += error.remedy.empty() ? "" : "; then ";
    error.remedy += "deliver again with 'pipe resume'";
    return error;
  }
  return files::flush_file_system(project.folder);
}

}  // namespace runner
