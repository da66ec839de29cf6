#include "runner/store/tree_store.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "dsl/digest.h"
#include "runner/store/checkout.h"
#include "runner/store/flagged.h"
#include "runner/store/tree_merge.h"
#include "runner/store/tree_paths.h"
#include "runner/store/tree_reading.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

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

/// What `answer` says of the tree's halves.
template <class Answer>
auto TreeStore::ask(const TreeRef& tree, Answer answer)
    -> decltype(answer(std::declval<Objects&>(), Halves{})) {
  auto objects = borrow();
  if (!objects) {
    return objects.error();
  }
  const auto both = halves_of(**objects, tree);
  if (!both) {
    return both.error();
  }
  return answer(**objects, *both);
}

dsl::Status TreeStore::settle(git::Objects& objects) const {
  if (!options_.durable || objects.fresh() == 0) {
    return dsl::Ok{};
  }
  return objects.make_durable();
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
  auto before = halves_of(objects, parent);
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

dsl::Result<Merge> TreeStore::merge(const std::vector<MergeSide>& sides,
                                    const std::string& added_to) {
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
  files.added_to = added_to;
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
  auto before = halves_of(**objects, parent);
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
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::read_file(objects, both, path, cap);
  });
}

dsl::Result<PathKind> TreeStore::kind_of(const TreeRef& tree, const std::string& path) {
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::kind_of(objects, both, path);
  });
}

dsl::Result<std::string> TreeStore::id_of(const TreeRef& tree, const std::string& path) {
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::id_of(objects, both, path);
  });
}

dsl::Result<std::vector<ChangedPath>> TreeStore::diff(const TreeRef& from, const TreeRef& to) {
  return ask(from,
             [&](Objects& objects, const Halves& before) -> dsl::Result<std::vector<ChangedPath>> {
               const auto after = halves_of(objects, to);
               return after ? changes(objects, before, *after) : after.error();
             });
}

namespace {

/// The trees of the commits that lead from one to the other, the last one first; that one alone
/// where they are not in one line.
dsl::Result<std::vector<Oid>> trees_on_the_way(Objects& objects,
                                               const TreeRef& from,
                                               const TreeRef& to) {
  constexpr std::size_t kLongest = 10'000;  // commits of one job
  const auto first = git::from_hex(from.commit);
  auto at = git::from_hex(to.commit);
  std::vector<Oid> trees;
  while (at && at != first) {
    auto commit = objects.read_commit(*at);
    if (!commit) {
      return commit.error();
    }
    trees.push_back(commit->tree);
    const bool is_in_line = commit->parents.size() == 1 && trees.size() < kLongest;
    at = is_in_line ? std::optional(commit->parents.front()) : std::nullopt;
  }
  if (!at && !trees.empty()) {
    trees.resize(1);
  }
  return trees;
}

}  // namespace

dsl::Result<std::vector<ChangedPath>> TreeStore::brought(const TreeRef& from, const TreeRef& to) {
  return ask(from,
             [&](Objects& objects, const Halves& before) -> dsl::Result<std::vector<ChangedPath>> {
               const auto after = halves_of(objects, to);
               auto all = after ? changes(objects, before, *after) : after.error();
               const auto trees = trees_on_the_way(objects, from, to);
               if (!all || !trees) {
                 return all ? trees.error() : all.error();
               }
               for (std::size_t k = 1; k < trees->size(); ++k) {
                 auto more = changes(objects, before, {(*trees)[k], after->artifacts});
                 if (!more) {
                   return more;
                 }
                 all->insert(all->end(), more->begin(), more->end());
               }
               const auto path_of = [](const ChangedPath& change) -> const std::string& {
                 return change.path;
               };
               std::ranges::stable_sort(*all, {}, path_of);
               const auto same = std::ranges::unique(*all, {}, path_of);
               all->erase(same.begin(), same.end());
               return all;
             });
}

dsl::Result<std::vector<FlaggedPath>> TreeStore::flagged(const TreeRef& from,
                                                         const TreeRef& to,
                                                         const Masking& secrets) {
  return ask(
      from, [&](Objects& objects, const Halves& before) -> dsl::Result<std::vector<FlaggedPath>> {
        const auto trees = trees_on_the_way(objects, from, to);
        return trees ? flagged_changes(objects, before.files, *trees, secrets) : trees.error();
      });
}

dsl::Result<std::vector<std::string>> TreeStore::behind_links(
    const TreeRef& tree, const std::vector<std::string>& paths) {
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::behind_links(objects, both, paths);
  });
}

dsl::Result<std::vector<LinkBeyond>> TreeStore::links_beyond(
    const TreeRef& tree, const std::vector<std::string>& paths) {
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::links_beyond(objects, both, paths);
  });
}

dsl::Result<std::string> TreeStore::hash_files(const TreeRef& tree,
                                               const std::vector<std::string>& globs) {
  return ask(tree, [&](Objects& objects, const Halves& both) {
    return runner::hash_files(objects, both, globs);
  });
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
  return ask(tree, [&](Objects& objects, const Halves& both) -> dsl::Status {
    auto layout = unite_trees(objects, both.files, both.artifacts);
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
    return check_out(objects, *layout, target->get(), nullptr);
  });
}

}  // namespace runner
