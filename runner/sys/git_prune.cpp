// ObjectDatabase::prune: what nothing leads to is removed. Declared in git.h; knows git's folders
// but not libgit2.

#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <unordered_set>
#include <vector>

#include "runner/sys/files.h"
#include "runner/sys/git.h"

namespace runner::git {
namespace {

using OidSet = std::unordered_set<Oid, OidHash>;

struct LooseObject {
  Oid id;
  std::string path;
  std::int64_t written_s;
};

dsl::Result<std::vector<LooseObject>> list_loose(const std::string& folder) {
  std::vector<LooseObject> found;
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (const char high : kDigits) {
    for (const char low : kDigits) {
      const std::string prefix{high, low};
      const Fd opened(::open((folder + "/" + prefix).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      std::vector<std::string> names;
      if (!opened || !files::list_names(opened.get(), names)) {
        if (errno == ENOENT) {
          continue;
        }
        return files::system_error("read folder", folder + "/" + prefix, errno);
      }
      for (const std::string& name : names) {
        struct stat status {};
        const auto id = from_hex(prefix + name);
        if (id && ::fstatat(opened.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
          found.push_back({*id, folder + "/" + prefix + "/" + name, status.st_mtim.tv_sec});
        }
      }
    }
  }
  return found;
}

/// Finds all that some objects lead to, as far as the store owns it.
class Marker {
 public:
  explicit Marker(Objects& objects) : objects_(objects) {}

  dsl::Status mark(const Oid& root) {
    pending_.push_back(root);
    while (!pending_.empty()) {
      const Oid id = pending_.back();
      pending_.pop_back();
      if (!objects_.owns(id) || !marked_.insert(id).second) {
        continue;
      }
      if (auto followed = follow(id); !followed) {
        return followed;
      }
    }
    return dsl::Ok{};
  }

  [[nodiscard]] bool is_marked(const Oid& id) const { return marked_.contains(id); }

 private:
  dsl::Status follow(const Oid& id) {
    const auto type = objects_.type_of(id);
    if (type == Objects::Type::Commit) {
      auto commit = objects_.read_commit(id);
      if (!commit) {
        return commit.error();
      }
      pending_.push_back(commit->tree);
      pending_.insert(pending_.end(), commit->parents.begin(), commit->parents.end());
    } else if (type == Objects::Type::Tree) {
      auto entries = objects_.read_tree(id);
      if (!entries) {
        return entries.error();
      }
      for (const Entry& entry : *entries) {
        if (entry.kind == Kind::Folder) {
          pending_.push_back(entry.id);
        } else if (entry.kind != Kind::Submodule) {
          marked_.insert(entry.id);  // leads nowhere
        }
      }
    }
    return dsl::Ok{};
  }

  Objects& objects_;
  OidSet marked_;
  std::vector<Oid> pending_;
};

}  // namespace

dsl::Result<std::int64_t> ObjectDatabase::prune(const std::vector<Oid>& also,
                                                std::int64_t before_s) {
  auto loose = list_loose(objects_folder());
  auto roots = reference_targets();
  auto objects = borrow();
  if (!loose || !roots || !objects) {
    return !loose ? loose.error() : !roots ? roots.error() : objects.error();
  }
  roots->insert(roots->end(), also.begin(), also.end());
  roots->push_back(empty_tree());
  for (const LooseObject& object : *loose) {
    if (object.written_s >= before_s) {
      roots->push_back(object.id);  // somebody may be about to refer to it
    }
  }
  Marker marker(**objects);
  for (const Oid& root : *roots) {
    if (auto marked = marker.mark(root); !marked) {
      return marked.error();
    }
  }
  std::int64_t removed = 0;
  for (const LooseObject& object : *loose) {
    if (!marker.is_marked(object.id) && ::unlink(object.path.c_str()) == 0) {
      ++removed;
    }
  }
  return removed;
}

}  // namespace runner::git
