#include "runner/store/scan.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <unordered_map>

#include <climits>
#include <fmt/format.h>

#include "runner/store/ignore.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entries;
using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

constexpr std::size_t kMaxRefused = 1'000;

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

/// "trusted." is what root mounts with, "user." everybody else.
bool has_overlay_mark(int fd, std::string_view mark, char expected) {
  for (const std::string_view space : {"trusted.overlay.", "user.overlay."}) {
    char value = 0;
    const std::string name = std::string(space) + std::string(mark);
    const ssize_t size = ::fgetxattr(fd, name.c_str(), &value, 1);
    if ((size == 1 && (expected == 0 || value == expected)) ||
        (size < 0 && errno == ERANGE && expected == 0)) {
      return true;
    }
  }
  return false;
}

/// Opens for reading; where the owner took his own right to read, it is given back.
Fd open_readable(int folder, const std::string& name, int flags) {
  flags |= O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  Fd file(::openat(folder, name.c_str(), flags));
  if (file || errno != EACCES) {
    return file;
  }
  const Fd place(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat status {};
  if (!place || ::fstat(place.get(), &status) != 0 || S_ISLNK(status.st_mode) ||
      ::chmod(fmt::format("/proc/self/fd/{}", place.get()).c_str(),
              (status.st_mode & 0777U) | 0700U) != 0) {
    errno = EACCES;
    return Fd();
  }
  return Fd(::openat(folder, name.c_str(), flags));
}

/// Entries by name, from which those that are seen again are taken out.
class Known {
 public:
  dsl::Status read(Objects& objects, const std::optional<Oid>& tree) {
    if (!tree) {
      return dsl::Ok{};
    }
    auto entries = objects.read_tree(*tree);
    if (!entries) {
      return entries.error();
    }
    for (Entry& entry : *entries) {
      std::string name = entry.name;
      entries_.emplace(std::move(name), std::move(entry));
    }
    return dsl::Ok{};
  }
  [[nodiscard]] const Entry* find(const std::string& name) const {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : &found->second;
  }
  [[nodiscard]] const std::unordered_map<std::string, Entry>& all() const { return entries_; }

 private:
  std::unordered_map<std::string, Entry> entries_;
};

/// A folder, as the tree before has it: no value where it has none.
struct Before {
  std::optional<Oid> files;
  std::optional<Oid> artifacts;
};

/// What a folder became: no value where nothing of it belongs to that half.
struct After {
  std::optional<Oid> files;
  std::optional<Oid> artifacts;
};

std::optional<Oid> folder_id(const Entry* entry) {
  return entry != nullptr && entry->kind == Kind::Folder ? std::optional(entry->id) : std::nullopt;
}

class Scanner {
 public:
  Scanner(Objects& objects, const ScanRequest& request) : objects_(objects), request_(request) {
    rules_.push("", IgnoreFile(request.rules));
  }

  struct Place {
    int folder;
    std::string prefix;  // "" or ending with '/'
    Before before;
    bool over_before;  // entries that are not seen here are still there (an overlay's upper folder)
    bool ignored;
    int depth;
  };

  dsl::Result<After> scan_folder(const Place& place) {
    std::vector<std::string> names;
    if (!files::list_names(place.folder, names)) {
      return files::system_error("read folder", place.prefix, errno);
    }
    if (names.empty() && place.over_before) {
      return After{place.before.files, place.before.artifacts};
    }
    std::sort(names.begin(), names.end());
    Folder folder;
    for (auto [known, tree] : {std::pair(&folder.files, &place.before.files),
                               std::pair(&folder.artifacts, &place.before.artifacts)}) {
      if (auto read = known->read(objects_, *tree); !read) {
        return read.error();
      }
    }
    const bool has_rules = push_rules(place, folder, names);
    for (const std::string& name : names) {
      if (auto done = scan_name(place, folder, name); !done) {
        return done.error();
      }
    }
    if (has_rules) {
      rules_.pop();
    }
    if (place.over_before) {
      keep_unseen(folder, names);
    }
    return write(place, std::move(folder));
  }

  Scan result;

 private:
  struct Folder {
    Known files;
    Known artifacts;
    Entries new_files;
    Entries new_artifacts;
  };

  void refuse(const std::string& path, std::string reason) {
    if (result.refused.size() < kMaxRefused) {
      result.refused.emplace_back(path, std::move(reason));
    }
  }

  // ---- Rules
  // --------------------------------------------------------------------------------------

  /// The .gitignore that counts is the one that the job left.
  bool push_rules(const Place& place, const Folder& folder, const std::vector<std::string>& names) {
    const std::string name = ".gitignore";
    std::string text;
    if (std::binary_search(names.begin(), names.end(), name)) {
      auto read = files::read_beneath(place.folder, name, IgnoreFile::kMaxBytes);
      if (!read) {
        return false;  // a whiteout, a link, a giant: no rules
      }
      text = *std::move(read);
    } else {
      const Entry* tracked = folder.files.find(name);
      const Entry* declared = folder.artifacts.find(name);
      const Entry* entry = tracked != nullptr ? tracked : declared;
      if (!place.over_before || entry == nullptr || entry->kind == Kind::Folder) {
        return false;
      }
      auto read = objects_.read_blob(entry->id, IgnoreFile::kMaxBytes);
      if (!read) {
        return false;
      }
      text = *std::move(read);
    }
    IgnoreFile file(text);
    if (file.empty()) {
      return false;
    }
    rules_.push(place.prefix, std::move(file));
    return true;
  }

  [[nodiscard]] bool is_skipped(const std::string& path) const {
    return std::find(request_.skipped.begin(), request_.skipped.end(), path) !=
           request_.skipped.end();
  }

  // ---- Names
  // --------------------------------------------------------------------------------------

  dsl::Status scan_name(const Place& place, Folder& folder, const std::string& name) {
    const std::string path = place.prefix + name;
    if (request_.has_repository && path == ".git") {
      return dsl::Ok{};
    }
    if (!git::is_safe_name(name)) {
      refuse(path, "repository data of a job is not taken");
      return dsl::Ok{};
    }
    struct stat status {};
    if (::fstatat(place.folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return files::system_error("look at", path, errno);
    }
    const Entry* tracked = folder.files.find(name);
    if (tracked != nullptr && tracked->kind == Kind::Submodule) {
      return keep_submodule(place, folder, *tracked, status, path);
    }
    if (S_ISDIR(status.st_mode)) {
      return scan_subfolder(place, folder, name, path);
    }
    if (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode)) {
      return scan_file(place, folder, name, path, status);
    }
    if (request_.what == Scanned::OverlayTop && is_whiteout(status)) {
      result.touched = true;
      return dsl::Ok{};
    }
    refuse(path,
           S_ISFIFO(status.st_mode)   ? "a FIFO is no file"
           : S_ISSOCK(status.st_mode) ? "a socket is no file"
                                      : "a device is no file");
    return dsl::Ok{};
  }

  /// It is another project's: the commit that is meant stays, whatever a job does in its place.
  dsl::Status keep_submodule(const Place& place,
                             Folder& folder,
                             const Entry& entry,
                             const struct stat& status,
                             const std::string& path) {
    if (request_.what == Scanned::OverlayTop && is_whiteout(status)) {
      result.touched = true;
      return dsl::Ok{};
    }
    folder.new_files.push_back(entry);
    if (!S_ISDIR(status.st_mode)) {
      refuse(path, "a file in the place of a submodule is not taken");
      return dsl::Ok{};
    }
    if (request_.has_submodules) {
      return dsl::Ok{};
    }
    const Fd below = open_readable(place.folder, entry.name, O_DIRECTORY);
    bool is_empty = true;
    if (below) {
      files::for_each_name(below.get(),
                           [&](const char*, unsigned char) { return is_empty = false; });
    }
    if (!is_empty) {
      refuse(path, "files in a submodule are not taken");
    }
    return dsl::Ok{};
  }

  dsl::Status scan_file(const Place& place,
                        Folder& folder,
                        const std::string& name,
                        const std::string& path,
                        const struct stat& status) {
    result.touched = true;
    const Entry* tracked = folder.files.find(name);
    const Entry* declared = folder.artifacts.find(name);
    const bool in_files = tracked != nullptr && tracked->kind != Kind::Folder;
    const bool in_artifacts = declared != nullptr && declared->kind != Kind::Folder;
    bool to_artifacts = !in_files && in_artifacts;
    if (!in_files && !in_artifacts) {
      to_artifacts = request_.artifacts.matches(path);
      if (!to_artifacts && (place.ignored || is_skipped(path) || rules_.ignores(path, false))) {
        return dsl::Ok{};
      }
    }
    auto entry = take(place.folder, name, path, status);
    if (!entry) {
      return entry.error();
    }
    if (*entry) {
      (to_artifacts ? folder.new_artifacts : folder.new_files).push_back(**std::move(entry));
    }
    return dsl::Ok{};
  }

  dsl::Status scan_subfolder(const Place& place,
                             Folder& folder,
                             const std::string& name,
                             const std::string& path) {
    result.touched = true;
    const Before before{folder_id(folder.files.find(name)), folder_id(folder.artifacts.find(name))};
    const bool ignored = place.ignored || is_skipped(path) || rules_.ignores(path, true);
    const bool known = before.files || before.artifacts;
    const bool declared = request_.artifacts.matches(path);
    if (ignored && !known && !declared && !request_.artifacts.may_match_beneath(path)) {
      return dsl::Ok{};
    }
    if (place.depth + 1 >= kMaxTreeDepth) {
      refuse(path, fmt::format("folders are nested deeper than {}", kMaxTreeDepth));
      return dsl::Ok{};
    }
    const Fd below = open_readable(place.folder, name, O_DIRECTORY);
    if (!below) {
      refuse(path, "the folder cannot be read");
      return dsl::Ok{};
    }
    bool over_before = false;
    if (request_.what == Scanned::OverlayTop) {
      if (has_overlay_mark(below.get(), "redirect", 0)) {
        return dsl::Error{
            fmt::format("the overlay was mounted with redirect_dir: '{}' cannot be read",
                        files::printable(path)),
            ""};
      }
      over_before = place.over_before && known && !has_overlay_mark(below.get(), "opaque", 'y');
    }
    auto after =
        scan_folder({below.get(), path + "/", before, over_before, ignored, place.depth + 1});
    if (!after) {
      return after.error();
    }
    if (after->files) {
      folder.new_files.push_back({name, Kind::Folder, *after->files});
    }
    if (!after->files && !after->artifacts && (!ignored || before.artifacts || declared)) {
      after->artifacts = git::empty_tree();  // git has no empty folders, so they are kept here
    }
    if (after->artifacts) {
      folder.new_artifacts.push_back({name, Kind::Folder, *after->artifacts});
    }
    return dsl::Ok{};
  }

  // ---- Content
  // --------------------------------------------------------------------------------------

  /// No value: refused.
  dsl::Result<std::optional<Entry>> take(int folder,
                                         const std::string& name,
                                         const std::string& path,
                                         const struct stat& status) {
    if (S_ISLNK(status.st_mode)) {
      return take_link(folder, name, path);
    }
    const Kind kind = (status.st_mode & S_IXUSR) != 0 ? Kind::Executable : Kind::File;
    if (request_.known != nullptr) {
      if (const auto content = request_.known->find(path, status)) {
        if (request_.noted != nullptr) {
          request_.noted->note(path, status, *content);
        }
        return std::optional<Entry>(Entry{name, kind, *content});
      }
    }
    if (status.st_size > request_.max_file) {
      refuse(path, fmt::format("larger than {} bytes", request_.max_file));
      return std::optional<Entry>();
    }
    const Fd file = open_readable(folder, name, 0);
    struct stat opened {};
    if (!file || ::fstat(file.get(), &opened) != 0 || !S_ISREG(opened.st_mode) ||
        opened.st_size > request_.max_file) {
      refuse(path, "the file cannot be read");
      return std::optional<Entry>();
    }
    if (request_.what == Scanned::OverlayTop && opened.st_blocks == 0 && opened.st_size > 0 &&
        has_overlay_mark(file.get(), "metacopy", 0)) {
      return dsl::Error{fmt::format("the overlay was mounted with metacopy: '{}' cannot be read",
                                    files::printable(path)),
                        ""};
    }
    auto content = objects_.write_blob_from(file.get(), opened.st_size);
    if (!content) {
      return content.error().within(fmt::format("take '{}'", files::printable(path)));
    }
    if (request_.on_read) {
      request_.on_read(opened.st_size);
    }
    if (request_.noted != nullptr) {
      request_.noted->note(path, opened, *content);
    }
    return std::optional<Entry>(Entry{name, kind, *content});
  }

  dsl::Result<std::optional<Entry>> take_link(int folder,
                                              const std::string& name,
                                              const std::string& path) {
    std::string target(PATH_MAX, '\0');
    const ssize_t size = ::readlinkat(folder, name.c_str(), target.data(), target.size());
    if (size < 0) {
      refuse(path, "the link cannot be read");
      return std::optional<Entry>();
    }
    target.resize(static_cast<std::size_t>(size));
    auto content = objects_.write_blob(target);
    if (!content) {
      return content.error();
    }
    return std::optional<Entry>(Entry{name, Kind::Link, *content});
  }

  // ---- Results
  // --------------------------------------------------------------------------------------

  static void keep_unseen(Folder& folder, const std::vector<std::string>& names) {
    const auto unseen = [&](const std::string& name) {
      return !std::binary_search(names.begin(), names.end(), name);
    };
    for (const auto& [name, entry] : folder.files.all()) {
      if (unseen(name)) {
        folder.new_files.push_back(entry);
      }
    }
    for (const auto& [name, entry] : folder.artifacts.all()) {
      if (unseen(name)) {
        folder.new_artifacts.push_back(entry);
      }
    }
  }

  dsl::Result<After> write(const Place& place, Folder folder) {
    After after;
    auto files = write_half(place.before.files, folder.files, std::move(folder.new_files));
    auto artifacts =
        write_half(place.before.artifacts, folder.artifacts, std::move(folder.new_artifacts));
    if (!files || !artifacts) {
      return files ? artifacts.error() : files.error();
    }
    after.files = *files;
    after.artifacts = *artifacts;
    return after;
  }

  dsl::Result<std::optional<Oid>> write_half(const std::optional<Oid>& before,
                                             const Known& known,
                                             Entries entries) {
    if (entries.empty()) {
      return std::optional<Oid>();
    }
    const bool same = before && entries.size() == known.all().size() &&
                      std::all_of(entries.begin(), entries.end(), [&](const Entry& entry) {
                        const Entry* was = known.find(entry.name);
                        return was != nullptr && *was == entry;
                      });
    if (same) {
      return before;
    }
    auto written = objects_.write_tree(std::move(entries));
    if (!written) {
      return written.error();
    }
    return std::optional<Oid>(*written);
  }

  Objects& objects_;
  const ScanRequest& request_;
  IgnoreChain rules_;
};

}  // namespace

dsl::Result<Scan> scan(git::Objects& objects, const ScanRequest& request) {
  Scanner scanner(objects, request);
  const auto or_none = [](const Oid& tree) {
    return tree == git::empty_tree() ? std::nullopt : std::optional(tree);
  };
  auto after =
      scanner.scan_folder({request.folder,
                           "",
                           {or_none(request.before.files), or_none(request.before.artifacts)},
                           request.what == Scanned::OverlayTop,
                           false,
                           0});
  if (!after) {
    return after.error();
  }
  scanner.result.after = {after->files.value_or(git::empty_tree()),
                          after->artifacts.value_or(git::empty_tree())};
  return std::move(scanner.result);
}

}  // namespace runner
