#include "runner/store/protected.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "dsl/glob.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

dsl::Result<std::string> plain_path(std::string path) {
  while (path.ends_with('/')) {
    path.pop_back();
  }
  if (auto joined = files::join_below(".", path); !joined) {
    return joined.error().within("protect");
  }
  while (path.starts_with("./")) {
    path.erase(0, 2);
  }
  return path;
}

bool is_pattern(const std::string& path) {
  return path.find_first_of("*?[\\") != std::string::npos;
}

namespace {

/// `tree` without a file or link where `path` needs a folder.
dsl::Result<Oid> clear_way(Objects& objects, const Oid& tree, const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    const std::string above = path.substr(0, end);
    auto entry = find_entry(objects, tree, above);
    if (!entry) {
      return entry.error();
    }
    if (*entry && (*entry)->kind != Kind::Folder) {
      return put_entry(objects, tree, above, std::nullopt);
    }
  }
  return tree;
}

/// `tree` with everything at `path` as it is in `from`.
dsl::Result<Oid> put_back(Objects& objects,
                          const Oid& tree,
                          const std::string& path,
                          const Oid& from) {
  auto original = find_entry(objects, from, path);
  auto now = find_entry(objects, tree, path);
  if (!original || !now) {
    return original ? now.error() : original.error();
  }
  const bool same =
      original->has_value() == now->has_value() &&
      (!now->has_value() || ((*original)->kind == (*now)->kind && (*original)->id == (*now)->id));
  return same ? tree : put_entry(objects, tree, path, *original);
}

/// One path, in both halves: what is put back in one must not be hidden by the other.
dsl::Status put_back(Objects& objects, Halves& both, const std::string& path, const Halves& from) {
  for (const auto& [half, original] :
       {std::pair(&both.files, from.files), std::pair(&both.artifacts, from.artifacts)}) {
    auto was = find_entry(objects, original, path);
    if (!was) {
      return was.error();
    }
    Oid* other = half == &both.files ? &both.artifacts : &both.files;
    if (was->has_value()) {
      auto cleared = clear_way(objects, *other, path);
      if (!cleared) {
        return cleared.error();
      }
      *other = *cleared;
    }
    auto restored = put_back(objects, *half, path, original);
    if (!restored) {
      return restored.error();
    }
    *half = *restored;
  }
  return dsl::Ok{};
}

/// Every changed file that a pattern matches, one by one.
dsl::Status put_back_matches(Objects& objects,
                             Halves& both,
                             const std::vector<std::string>& patterns,
                             const Halves& from) {
  const dsl::GlobSet wanted(patterns);
  for (const auto& [now, original] :
       {std::pair(both.files, from.files), std::pair(both.artifacts, from.artifacts)}) {
    auto differences = diff_trees(objects, original, now, std::numeric_limits<std::size_t>::max());
    if (!differences) {
      return differences.error();
    }
    for (const Difference& difference : **differences) {
      if (!wanted.matches(difference.path)) {
        continue;
      }
      if (auto done = put_back(objects, both, difference.path, from); !done) {
        return done;
      }
    }
  }
  return dsl::Ok{};
}

/// Whether a path is one of those that are written down, beneath one, or matches one.
class Named {
 public:
  static dsl::Result<Named> of(const std::vector<std::string>& paths) {
    Named named;
    std::vector<std::string> patterns;
    for (const std::string& written : paths) {
      auto path = plain_path(written);
      if (!path) {
        return path.error();
      }
      named.plain_.push_back(*std::move(path));
      if (is_pattern(written)) {
        patterns.push_back(written);
      }
    }
    named.patterns_ = dsl::GlobSet(patterns);
    return named;
  }

  [[nodiscard]] bool has(const std::string& path) const {
    const auto leads_to = [&](const std::string& plain) {
      return path.starts_with(plain) && (path.size() == plain.size() || path[plain.size()] == '/');
    };
    return std::any_of(plain_.begin(), plain_.end(), leads_to) || patterns_.matches(path);
  }

 private:
  std::vector<std::string> plain_;
  dsl::GlobSet patterns_{{}};
};

/// Nothing, neither there nor in the place of a folder above.
dsl::Result<bool> is_free(Objects& objects, const Halves& both, const std::string& path) {
  for (const Oid* half : {&both.files, &both.artifacts}) {
    auto there = find_entry(objects, *half, path);
    auto cleared = clear_way(objects, *half, path);
    if (!there || !cleared) {
      return there ? cleared.error() : there.error();
    }
    if (there->has_value() || *cleared != *half) {
      return false;
    }
  }
  return true;
}

}  // namespace

dsl::Result<Halves> put_back(Objects& objects,
                             Halves both,
                             const std::vector<std::string>& paths,
                             const Halves& from) {
  std::vector<std::string> patterns;
  std::copy_if(paths.begin(), paths.end(), std::back_inserter(patterns), is_pattern);
  if (!patterns.empty()) {
    if (auto done = put_back_matches(objects, both, patterns, from); !done) {
      return done.error();
    }
  }
  // Also those with something special in them: a file may be called so.
  for (const std::string& written : paths) {
    auto path = plain_path(written);
    if (!path) {
      return path.error();
    }
    if (auto done = put_back(objects, both, *path, from); !done) {
      return done.error();
    }
  }
  return both;
}

dsl::Result<NamedEntries> named_entries(Objects& objects,
                                        const Oid& tree,
                                        const std::vector<std::string>& paths,
                                        std::size_t most) {
  const auto is_mountable = [](const Entry& entry) {
    return entry.kind == Kind::File || entry.kind == Kind::Executable || entry.kind == Kind::Folder;
  };
  std::map<std::string, Entry> found;
  std::vector<std::string> patterns;
  for (const std::string& written : paths) {
    auto path = plain_path(written);
    auto entry = path ? find_entry(objects, tree, *path) : path.error();
    if (!entry) {
      return entry.error();
    }
    if (*entry && is_mountable(**entry) && !path->empty()) {
      found.emplace(*path, **entry);
    }
    if (is_pattern(written)) {
      patterns.push_back(written);
    }
  }
  if (!patterns.empty()) {
    const dsl::GlobSet wanted(patterns);
    auto walked = for_each_entry(
        objects, tree, [&](const std::string& path, const Entry& entry) -> dsl::Status {
          if (entry.kind != Kind::Folder && is_mountable(entry) && wanted.matches(path)) {
            found.emplace(path, entry);
          }
          return dsl::Ok{};
        });
    if (!walked) {
      return walked.error();
    }
  }
  NamedEntries named;
  for (const auto& [path, entry] : found) {
    const auto covers = [&path = path](const auto& above) {
      return path.starts_with(above.first + "/");
    };
    if (std::any_of(named.entries.begin(), named.entries.end(), covers)) {
      continue;
    }
    if (named.entries.size() < most) {
      named.entries.emplace_back(path, entry);
    } else {
      ++named.more;
    }
  }
  return named;
}

dsl::Result<Halves> approved_first(Objects& objects,
                                   const Halves& approved,
                                   const Halves& verified,
                                   const std::vector<std::string>& paths) {
  auto named = Named::of(paths);
  if (!named) {
    return named.error();
  }
  Halves all = approved;
  for (const auto& [half, from, to] :
       {std::tuple(&all.files, approved.files, verified.files),
        std::tuple(&all.artifacts, approved.artifacts, verified.artifacts)}) {
    auto differences = diff_trees(objects, from, to, std::numeric_limits<std::size_t>::max());
    if (!differences) {
      return differences.error();
    }
    for (const Difference& difference : **differences) {
      if (!named->has(difference.path)) {
        continue;
      }
      auto free = is_free(objects, all, difference.path);
      auto made = find_entry(objects, to, difference.path);
      if (!free || !made) {
        return free ? made.error() : free.error();
      }
      if (!*free || !*made) {
        continue;
      }
      auto added = put_entry(objects, *half, difference.path, *made);
      if (!added) {
        return added.error();
      }
      *half = *added;
    }
  }
  return all;
}

}  // namespace runner
