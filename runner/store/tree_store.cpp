#include "runner/store/tree_store.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/store/checkout.h"
#include "runner/store/tree_merge.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();

/// The tree of a commit; the empty one for "".
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

/// Paths that a merge put into both halves: a declared file that another node committed.
dsl::Status find_overlaps(Objects& objects,
                          const Oid& files,
                          const Oid& artifacts,
                          std::vector<std::string>& overlaps) {
  return for_each_entry(
      objects, artifacts, [&](const std::string& path, const Entry& entry) -> dsl::Status {
        auto other = find_entry(objects, files, path);
        if (!other) {
          return other.error();
        }
        const bool both_folders =
            other->has_value() && (*other)->kind == Kind::Folder && entry.kind == Kind::Folder;
        if (other->has_value() && !both_folders) {
          overlaps.push_back(path);
        }
        return dsl::Ok{};
      });
}

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

dsl::Result<std::unique_ptr<TreeStore>> TreeStore::open(const std::string& folder,
                                                        Options options) {
  auto database = git::ObjectDatabase::open(folder);
  if (!database) {
    return database.error();
  }
  return std::unique_ptr<TreeStore>(
      new TreeStore(folder, *std::move(database), std::move(options)));
}

std::string TreeStore::stamps_file(const std::string& folder) const {
  return folder_ + "/pipe-stamps/" + dsl::sha256_hex(folder);
}

dsl::Status TreeStore::add_alternate(const std::string& objects_folder) {
  return database_->add_alternate(objects_folder);
}

dsl::Status TreeStore::settle(git::Objects& objects) const {
  if (!options_.durable || objects.fresh() == 0) {
    return dsl::Ok{};
  }
  return objects.make_durable();
}

dsl::Result<Halves> TreeStore::halves(git::Objects& objects, const TreeRef& tree) {
  auto files = tree_of(objects, tree.commit);
  auto artifacts = tree_of(objects, tree.artifacts);
  if (!files || !artifacts) {
    return files ? artifacts.error() : files.error();
  }
  return Halves{*files, *artifacts};
}

namespace {

dsl::Result<std::string> write_line(Objects& objects,
                                    const std::string& parent,
                                    git::Commit commit) {
  if (!parent.empty()) {
    auto id = git::parse_oid(parent);
    if (!id) {
      return id.error();
    }
    commit.parents.push_back(*id);
  }
  auto written = objects.write_commit(commit);
  if (!written) {
    return written.error();
  }
  return git::to_hex(*written);
}

/// Nothing in it depends on who made it when, so that equal files after an equal history are equal.
git::Commit artifacts_commit(const Oid& tree) {
  git::Commit commit;
  commit.tree = tree;
  commit.message = "Artifacts";
  return commit;
}

}  // namespace

dsl::Result<TreeRef> TreeStore::commit(git::Objects& objects,
                                       const TreeRef& parent,
                                       const Halves& after,
                                       const std::string& message,
                                       std::int64_t time_s) const {
  auto before = halves(objects, parent);
  if (!before) {
    return before.error();
  }
  TreeRef result = parent;
  if (after.files != before->files) {
    git::Commit commit;
    commit.tree = after.files;
    commit.author = options_.author;
    commit.time_s = time_s;
    commit.message = message;
    auto written = write_line(objects, parent.commit, std::move(commit));
    if (!written) {
      return written.error();
    }
    result.commit = *written;
  }
  if (after.artifacts != before->artifacts) {
    auto written = write_line(objects, parent.artifacts, artifacts_commit(after.artifacts));
    if (!written) {
      return written.error();
    }
    result.artifacts = *written;
  }
  return result;
}

dsl::Result<TreeRef> TreeStore::commit_root(git::Objects& objects,
                                            const Halves& files,
                                            const std::string& message,
                                            std::int64_t time_s) const {
  git::Commit root;
  root.tree = files.files;
  root.author = options_.author;
  root.time_s = time_s;
  root.message = message;
  auto written = write_line(objects, "", std::move(root));
  if (!written) {
    return written.error();
  }
  TreeRef result{*written, ""};
  if (files.artifacts != git::empty_tree()) {
    auto line = write_line(objects, "", artifacts_commit(files.artifacts));
    if (!line) {
      return line.error();
    }
    result.artifacts = *line;
  }
  return result;
}

dsl::Result<Merge> TreeStore::merge(const std::vector<MergeSide>& sides) {
  const bool all_equal = std::all_of(sides.begin(), sides.end(), [&](const MergeSide& side) {
    return side.tree == sides.front().tree;
  });
  if (all_equal) {
    return Merge{sides.front().tree, {}};
  }
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  CommitMergeRequest files;
  CommitMergeRequest artifacts;
  for (const MergeSide& side : sides) {
    auto commit = git::parse_oid(side.tree.commit);
    if (!commit) {
      return commit.error();
    }
    files.sides.push_back({side.node, *commit});
    if (!side.tree.artifacts.empty()) {
      auto line = git::parse_oid(side.tree.artifacts);
      if (!line) {
        return line.error();
      }
      artifacts.sides.push_back({side.node, *line});
    }
  }
  files.author = options_.author;
  auto merged = merge_commits(**objects, files);
  if (!merged) {
    return merged.error();
  }
  Merge result{{git::to_hex(merged->commit), ""}, std::move(merged->conflicts)};
  if (!artifacts.sides.empty()) {
    const git::Commit plain = artifacts_commit(git::empty_tree());
    artifacts.author = plain.author;
    artifacts.message = plain.message;
    artifacts.empty_folders = EmptyFolders::Keep;
    auto line = merge_commits(**objects, artifacts);
    if (!line) {
      return line.error();
    }
    result.conflicts.insert(result.conflicts.end(), line->conflicts.begin(), line->conflicts.end());
    std::vector<std::string> overlaps;
    if (result.conflicts.empty()) {
      if (auto found = find_overlaps(**objects, merged->tree, line->tree, overlaps); !found) {
        return found.error();
      }
    }
    for (const std::string& path : overlaps) {
      result.conflicts.push_back({path, sides.front().node, sides.back().node});
    }
    result.tree.artifacts = git::to_hex(line->commit);
  }
  if (!result.conflicts.empty()) {
    result.tree = {};
    return result;
  }
  if (auto settled = settle(**objects); !settled) {
    return settled.error();
  }
  return result;
}

dsl::Result<TreeRef> TreeStore::adopt(const TreeRef& parent,
                                      const std::string& content_tree,
                                      const std::string& artifacts,
                                      const std::string& message,
                                      std::int64_t time_s) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto before = halves(**objects, parent);
  auto files = git::parse_oid(content_tree);
  if (!before || !files) {
    return before ? files.error() : before.error();
  }
  auto result = commit(**objects, parent, {*files, before->artifacts}, message, time_s);
  if (!result) {
    return result;
  }
  result->artifacts = artifacts;
  if (auto settled = settle(**objects); !settled) {
    return settled.error();
  }
  return result;
}

dsl::Result<std::string> TreeStore::content_of(const TreeRef& tree) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto files = tree_of(**objects, tree.commit);
  if (!files) {
    return files.error();
  }
  return git::to_hex(*files);
}

bool TreeStore::has(const std::string& content_tree, const std::string& artifacts) {
  const auto files = git::from_hex(content_tree);
  const auto line = artifacts.empty() ? std::optional(git::empty_tree()) : git::from_hex(artifacts);
  auto objects = borrow();
  return objects && files && line && (*objects)->has(*files) && (*objects)->has(*line);
}

dsl::Result<std::optional<TreeFile>> TreeStore::read_file(const TreeRef& tree,
                                                          const std::string& path,
                                                          std::int64_t cap) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto both = halves(**objects, tree);
  if (!both) {
    return both.error();
  }
  for (const Oid& half : {both->files, both->artifacts}) {
    auto entry = find_entry(**objects, half, path);
    if (!entry) {
      return entry.error();
    }
    if (!entry->has_value() || (*entry)->kind == Kind::Folder ||
        (*entry)->kind == Kind::Submodule) {
      continue;
    }
    auto size = (*objects)->blob_size((*entry)->id);
    auto bytes = (*objects)->read_blob((*entry)->id, cap);
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

dsl::Result<PathKind> TreeStore::kind_of(const TreeRef& tree, const std::string& path) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto both = halves(**objects, tree);
  if (!both) {
    return both.error();
  }
  PathKind kind = PathKind::Absent;
  for (const Oid& half : {both->files, both->artifacts}) {
    auto entry = find_entry(**objects, half, path);
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

dsl::Result<std::vector<ChangedPath>> TreeStore::changes(git::Objects& objects,
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
      const auto is_file = [](const std::optional<Entry>& entry) {
        return entry && entry->kind != Kind::Folder;
      };
      const bool had = is_file(difference.before);
      const bool has = is_file(difference.after);
      if (had || has) {
        changed.push_back({difference.path,
                           !had  ? ChangedPath::Change::Added
                           : has ? ChangedPath::Change::Modified
                                 : ChangedPath::Change::Deleted});
        continue;
      }
      // A folder that was emptied or filled is told by its files.
      auto new_or_gone = is_absent(objects, difference.before ? after : before, difference.path);
      if (!new_or_gone) {
        return new_or_gone.error();
      }
      if (*new_or_gone) {
        changed.push_back(
            {difference.path,
             difference.before ? ChangedPath::Change::Deleted : ChangedPath::Change::Added});
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

dsl::Result<std::vector<ChangedPath>> TreeStore::diff(const TreeRef& from, const TreeRef& to) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto before = halves(**objects, from);
  auto after = halves(**objects, to);
  if (!before || !after) {
    return before ? after.error() : before.error();
  }
  return changes(**objects, *before, *after);
}

dsl::Result<std::string> TreeStore::hash_files(const TreeRef& tree,
                                               const std::vector<std::string>& globs) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto both = halves(**objects, tree);
  if (!both) {
    return both.error();
  }
  const dsl::GlobSet wanted(globs);
  std::vector<HashedFile> found;
  for (const Oid& half : {both->files, both->artifacts}) {
    auto walked = for_each_entry(
        **objects, half, [&](const std::string& path, const Entry& entry) -> dsl::Status {
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

dsl::Result<std::int64_t> TreeStore::prune(const std::vector<TreeRef>& kept,
                                           std::int64_t before_s) {
  // What is remembered of folders may name objects that go now.
  if (auto gone = files::remove_tree(folder_ + "/pipe-stamps"); !gone) {
    return gone.error();
  }
  std::vector<Oid> also;
  for (const TreeRef& tree : kept) {
    for (const std::string& hex : {tree.commit, tree.artifacts}) {
      if (const auto id = git::from_hex(hex)) {
        also.push_back(*id);
      }
    }
  }
  return database_->prune(also, before_s);
}

dsl::Status TreeStore::write_to(const TreeRef& tree, const std::string& folder) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  auto both = halves(**objects, tree);
  if (!both) {
    return both.error();
  }
  auto layout = unite_trees(**objects, both->files, both->artifacts);
  if (!layout) {
    return layout.error();
  }
  if (auto made = files::make_directories(folder); !made) {
    return made;
  }
  auto target = files::open_folder(folder);
  if (!target) {
    return target.error();
  }
  return check_out(**objects, *layout, target->get(), nullptr);
}

}  // namespace runner
