// How a result reaches a folder that is no repository. Declared in project.h.

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <set>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include <climits>
#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/store/project.h"
#include "runner/store/staging.h"
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
  WriteBack(Objects& objects, int folder, WriteBackFor why)
      : objects_(objects), folder_(folder), why_(why) {}

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
    if (auto noted = note_folders(**artifacts, after); !noted) {
      return noted;
    }
    for (const auto* list : {&to_remove_, &to_write_}) {
      for (const Difference& difference : *list) {
        if (auto checked = check(difference); !checked) {
          return checked;
        }
      }
    }
    for (const std::string& path : folders_) {
      check_way(path + "/");
    }
    return changed_.empty() ? dsl::Status(dsl::Ok{}) : names_of_changed();
  }

  /// Lays out what is new, and finds out whether all can be written. Changes nothing else.
  dsl::Status stage(Staging& staging) {
    for (const auto* list : {&to_remove_, &to_write_}) {
      for (const Difference& difference : *list) {
        if (auto writable = staging.check_writable(difference.path); !writable) {
          return writable;
        }
      }
    }
    for (const Difference& difference : to_write_) {
      if (difference.after->kind == Kind::Submodule) {
        continue;
      }
      if (auto added = staging.add(objects_, difference.path, *difference.after); !added) {
        return added;
      }
    }
    for (const std::string& path : folders_) {
      auto writable = staging.check_writable(path);
      if (auto added = writable ? staging.add_folder(path) : writable; !added) {
        return added;
      }
    }
    return dsl::Ok{};
  }

  dsl::Status apply(Staging& staging, const Halves& after) {
    for (auto difference = to_remove_.rbegin(); difference != to_remove_.rend(); ++difference) {
      if (auto removed = remove(difference->path, after); !removed) {
        return removed;
      }
    }
    if (auto placed = staging.put_in_place(); !placed) {
      return placed;
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
  /// The folders without files, which are among the artifacts.
  dsl::Status note_folders(const std::vector<Difference>& artifacts, const Halves& after) {
    auto kept_back = folders_of_artifacts(after);
    if (!kept_back) {
      return kept_back.error();
    }
    for (const Difference& difference : artifacts) {
      if (difference.after && difference.after->kind == Kind::Folder) {
        if (!is_in(*kept_back, difference.path)) {
          folders_.push_back(difference.path);
        }
      } else if (difference.before && difference.before->kind == Kind::Folder) {
        old_folders_.push_back(difference.path);
      }
    }
    return dsl::Ok{};
  }

  [[nodiscard]] dsl::Error names_of_changed() const {
    std::string names;
    for (std::size_t i = 0; i < changed_.size() && i < 5; ++i) {
      names += fmt::format("{}'{}'", i == 0 ? "" : ", ", files::printable(changed_[i]));
    }
    if (changed_.size() > 5) {
      names += fmt::format(" and {} more", changed_.size() - 5);
    }
    if (why_ == WriteBackFor::Undo) {
      return dsl::Error{
          fmt::format("changed in the folder since the run: {}; nothing was undone", names),
          "put these files back to what the run made of them; `pipe diff` shows it"};
    }
    return dsl::Error{
        fmt::format("changed in the folder since the run began: {}; nothing was written", names),
        "put these files back or out of the way"};
  }

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

  static std::pair<std::string, std::string> split(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::pair(std::string("."), path)
                                      : std::pair(path.substr(0, slash), path.substr(slash + 1));
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

  bool goes(const std::string& path) const {
    return std::any_of(to_remove_.begin(), to_remove_.end(), [&](const Difference& difference) {
      return difference.path == path;
    });
  }

  /// Where a folder is to be, nothing else may be, unless it goes.
  void check_way(const std::string& path) {
    for (std::size_t end = path.find('/'); end != std::string::npos;
         end = path.find('/', end + 1)) {
      const std::string above = path.substr(0, end);
      if (!ways_.insert(above).second) {
        continue;
      }
      const auto [folder, name] = split(above);
      const Fd parent = files::open_beneath(folder_, folder.c_str(), O_RDONLY | O_DIRECTORY);
      struct stat status {};
      if (parent && ::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
          !S_ISDIR(status.st_mode) && !goes(above)) {
        changed_.push_back(above);
      }
    }
  }

  dsl::Status check(const Difference& difference) {
    if (difference.after) {
      check_way(difference.path);
    }
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
      if (!goes(inner)) {
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

  Objects& objects_;
  const int folder_;
  const WriteBackFor why_;
  std::vector<Difference> to_remove_;
  std::vector<Difference> to_write_;
  std::vector<std::string> folders_;      // without files, to be there
  std::vector<std::string> old_folders_;  // without files, to go
  std::set<std::string> ways_;            // folders on the way to what is written, checked
  std::vector<std::string> changed_;
};

/// Remedies of the system are for the store, which the user may move; here it is about one folder,
/// and what comes after the mend is the caller's to say.
dsl::Error about_the_folder(dsl::Error error) {
  constexpr std::string_view kAgain = " and run the command again";
  if (error.remedy.find("PIPE_STATE") != std::string::npos) {
    error.remedy = "make the folder writable";
  } else if (error.remedy.ends_with(kAgain)) {
    error.remedy.resize(error.remedy.size() - kAgain.size());
  }
  return error;
}

}  // namespace

dsl::Status write_back(TreeStore& store,
                       const Project& project,
                       const TreeRef& result,
                       WriteBackFor why) {
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
  WriteBack work(**objects, folder->get(), why);
  if (auto planned = work.plan(*before, *after); !planned) {
    return planned;
  }
  if (work.empty()) {
    return dsl::Ok{};
  }
  Staging staging(folder->get(),
                  std::string(Staging::kPrefix) + dsl::sha256_hex(result.commit).substr(0, 16));
  auto staged = work.stage(staging);
  if (staged) {
    // A file system that finds room late says here that it has none.
    staged = files::flush_file_system(project.folder);
  }
  const std::string name = files::printable(project.folder);
  if (!staged) {
    return about_the_folder(
        staged.error().within(fmt::format("nothing was written to '{}'", name)));
  }
  if (auto applied = work.apply(staging, *after); !applied) {
    return about_the_folder(
        applied.error().within(fmt::format("only a part was written to '{}'", name)));
  }
  return files::flush_file_system(project.folder);
}

std::string half_delivered_in(const Project& project) {
  std::vector<std::string> names;
  const auto folder = files::open_folder(project.folder);
  if (project.kind != Project::Kind::Folder || !folder ||
      !files::list_names(folder->get(), names)) {
    return "";
  }
  for (const std::string& name : names) {
    if (name.starts_with(Staging::kPrefix)) {
      return project.folder + "/" + name;
    }
  }
  return "";
}

}  // namespace runner
