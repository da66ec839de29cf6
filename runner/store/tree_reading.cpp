#include "runner/store/tree_reading.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "dsl/glob.h"
#include "runner/store/tree_paths.h"

namespace runner {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

namespace {

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

dsl::Result<bool> is_absent(Objects& objects, const Halves& both, const std::string& path) {
  for (const Oid& half : {both.files, both.artifacts}) {
    auto entry = find_entry(objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (entry->has_value()) {
      return false;
    }
  }
  return true;
}

struct HashedFile {
  std::string path;
  Entry entry;
};

}  // namespace

dsl::Result<Oid> tree_of(Objects& objects, const std::string& commit) {
  if (commit.empty()) {
    return git::empty_tree();
  }
  auto id = git::parse_oid(commit);
  if (!id) {
    return id.error();
  }
  auto read = objects.read_commit(*id);
  if (!read) {
    return read.error();
  }
  return read->tree;
}

dsl::Result<Halves> halves_of(git::Objects& objects, const TreeRef& tree) {
  auto files = tree_of(objects, tree.commit);
  auto artifacts = tree_of(objects, tree.artifacts);
  if (!files || !artifacts) {
    return files ? artifacts.error() : files.error();
  }
  return Halves{*files, *artifacts};
}

dsl::Result<std::optional<TreeFile>> read_file(Objects& objects,
                                               const Halves& both,
                                               const std::string& path,
                                               std::int64_t cap) {
  for (const Oid& half : {both.files, both.artifacts}) {
    auto entry = find_entry(objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (!entry->has_value() || (*entry)->kind == Kind::Folder ||
        (*entry)->kind == Kind::Submodule) {
      continue;
    }
    auto size = objects.blob_size((*entry)->id);
    auto bytes = objects.read_blob((*entry)->id, cap);
    if (!size || !bytes) {
      return size ? bytes.error() : size.error();
    }
    return std::optional<TreeFile>({*std::move(bytes),
                                    (*entry)->kind == Kind::Executable,
                                    (*entry)->kind == Kind::Link,
                                    *size > cap});
  }
  return std::optional<TreeFile>();
}

dsl::Result<PathKind> kind_of(Objects& objects, const Halves& both, const std::string& path) {
  PathKind kind = PathKind::Absent;
  for (const Oid& half : {both.files, both.artifacts}) {
    auto entry = find_entry(objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (!entry->has_value()) {
      continue;
    }
    if ((*entry)->kind == Kind::Folder || (*entry)->kind == Kind::Submodule) {
      kind = PathKind::Folder;
      continue;
    }
    return (*entry)->kind == Kind::Link ? PathKind::Link : PathKind::File;
  }
  return kind;
}

dsl::Result<std::string> id_of(Objects& objects, const Halves& both, const std::string& path) {
  for (const Oid& half : {both.files, both.artifacts}) {
    auto entry = find_entry(objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (entry->has_value()) {
      return git::to_hex((*entry)->id);
    }
  }
  return std::string();
}

namespace {

bool is_file(const std::optional<Entry>& entry) {
  return entry && entry->kind != Kind::Folder;
}

/// No value: a folder that was emptied or filled, which is told by its files.
dsl::Result<std::optional<ChangedPath>> change_of(Objects& objects,
                                                  const Difference& difference,
                                                  const Halves& before,
                                                  const Halves& after) {
  using Change = ChangedPath::Change;
  const bool had = is_file(difference.before);
  const bool has = is_file(difference.after);
  if (had || has) {
    const Change change = !had ? Change::Added : has ? Change::Modified : Change::Deleted;
    return std::optional(ChangedPath{difference.path, change});
  }
  auto new_or_gone = is_absent(objects, difference.before ? after : before, difference.path);
  if (!new_or_gone) {
    return new_or_gone.error();
  }
  const Change change = difference.before ? Change::Deleted : Change::Added;
  return *new_or_gone ? std::optional(ChangedPath{difference.path, change}) : std::nullopt;
}

}  // namespace

dsl::Result<std::vector<ChangedPath>> changes(git::Objects& objects,
                                              const Halves& before,
                                              const Halves& after) {
  std::vector<ChangedPath> changed;
  for (const auto& [was, is] :
       {std::pair(before.files, after.files), std::pair(before.artifacts, after.artifacts)}) {
    auto differences = diff_trees(objects, was, is, kAll);
    if (!differences) {
      return differences.error();
    }
    for (const Difference& difference : **differences) {
      auto change = change_of(objects, difference, before, after);
      if (!change) {
        return change.error();
      }
      if (*change) {
        changed.push_back(**std::move(change));
      }
    }
  }
  std::stable_sort(changed.begin(), changed.end(), [](const ChangedPath& a, const ChangedPath& b) {
    return a.path < b.path;
  });
  // A file that went from one half to the other is one change.
  std::vector<ChangedPath> merged;
  for (ChangedPath& change : changed) {
    if (!merged.empty() && merged.back().path == change.path) {
      merged.back().change = ChangedPath::Change::Modified;
    } else {
      merged.push_back(std::move(change));
    }
  }
  return merged;
}

dsl::Result<std::string> hash_files(Objects& objects,
                                    const Halves& both,
                                    const std::vector<std::string>& globs) {
  const dsl::GlobSet wanted(globs);
  std::vector<HashedFile> found;
  for (const Oid& half : {both.files, both.artifacts}) {
    auto walked = for_each_entry(
        objects, half, [&](const std::string& path, const Entry& entry) -> dsl::Status {
          if (entry.kind != Kind::Folder && entry.kind != Kind::Submodule && wanted.matches(path)) {
            found.push_back({path, entry});
          }
          return dsl::Ok{};
        });
    if (!walked) {
      return walked.error();
    }
  }
  if (found.empty()) {
    return std::string();
  }
  std::sort(found.begin(), found.end(), [](const HashedFile& a, const HashedFile& b) {
    return a.path < b.path;
  });
  dsl::Sha256 digest;
  for (const HashedFile& file : found) {
    // The object id stands for the content: equal files, equal ids.
    digest.add(fmt::format("{}:{}{}", file.path.size(), file.path, git::to_hex(file.entry.id)));
  }
  return digest.finish();
}

}  // namespace runner
