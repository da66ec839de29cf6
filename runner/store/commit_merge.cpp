// Merging commits by their history; declared in tree_merge.h.

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "runner/store/tree_merge.h"
#include "runner/store/tree_paths.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Commit;
using git::Objects;
using git::Oid;
using OidSet = std::unordered_set<Oid, git::OidHash>;

/// The part of the history that the store owns; commits of the user's repository are its leaves.
class History {
 public:
  explicit History(Objects& objects) : objects_(objects) {}

  dsl::Result<const Commit*> commit(const Oid& id) {
    const auto known = commits_.find(id);
    if (known != commits_.end()) {
      return &known->second;
    }
    auto read = objects_.read_commit(id);
    if (!read) {
      return read.error();
    }
    if (!objects_.owns(id)) {
      read->parents.clear();
    }
    return &commits_.emplace(id, *std::move(read)).first->second;
  }

  /// Walks from `start` to all ancestors; `enter` says whether to go on behind a commit.
  template <class Enter>
  dsl::Status walk(std::vector<Oid> start, Enter enter) {
    while (!start.empty()) {
      const Oid id = start.back();
      start.pop_back();
      if (!enter(id)) {
        continue;
      }
      auto found = commit(id);
      if (!found) {
        return found.error();
      }
      start.insert(start.end(), (*found)->parents.begin(), (*found)->parents.end());
    }
    return dsl::Ok{};
  }

  /// `tips` without those that are ancestors of others of them.
  dsl::Result<std::vector<Oid>> heads(const std::vector<Oid>& tips) {
    std::vector<Oid> parents;
    for (const Oid& tip : tips) {
      auto found = commit(tip);
      if (!found) {
        return found.error();
      }
      parents.insert(parents.end(), (*found)->parents.begin(), (*found)->parents.end());
    }
    OidSet ancestors;
    if (auto walked = walk(parents, [&](const Oid& id) { return ancestors.insert(id).second; });
        !walked) {
      return walked.error();
    }
    std::vector<Oid> left = tips;
    std::erase_if(left, [&](const Oid& id) { return ancestors.contains(id); });
    return left;
  }

 private:
  Objects& objects_;
  std::unordered_map<Oid, Commit, git::OidHash> commits_;
};

/// Merges heads one after the other. What was merged so far is no commit, but the set of all
/// commits that are in it, which is enough to find the best common ancestors with the next one.
class Fold {
 public:
  Fold(Objects& objects, History& history, const CommitMergeRequest& request)
      : objects_(objects),
        history_(history),
        empty_folders_(request.empty_folders),
        added_to_(request.added_to) {}

  struct Conflict {
    std::string path;
    std::size_t ours;  // places in the heads
    std::size_t theirs;
  };
  struct Merged {
    Oid tree;
    std::vector<Conflict> conflicts;
  };

  dsl::Result<Merged> merge(const std::vector<Oid>& heads, int depth) {
    OidSet inside;
    Merged merged;
    for (std::size_t i = 0; i < heads.size(); ++i) {
      auto head = history_.commit(heads[i]);
      if (!head) {
        return head.error();
      }
      const Oid tree = (*head)->tree;
      auto common = take_in(heads[i], inside);
      if (!common) {
        return common.error();
      }
      if (i == 0) {
        merged.tree = tree;
        continue;
      }
      auto base = base_of(*common, depth);
      if (!base) {
        return base.error();
      }
      if (auto done = merge_next(merged, *base, tree, heads, i); !done) {
        return done.error();
      }
    }
    return merged;
  }

 private:
  /// Adds the head's ancestors to `inside`; returns those that were in it already, the youngest.
  dsl::Result<std::vector<Oid>> take_in(const Oid& head, OidSet& inside) {
    OidSet fresh;
    OidSet common;
    auto walked = history_.walk({head}, [&](const Oid& id) {
      if (inside.contains(id)) {
        common.insert(id);
        return false;
      }
      return fresh.insert(id).second;
    });
    if (!walked) {
      return walked.error();
    }
    inside.merge(fresh);
    std::vector<Oid> candidates(common.begin(), common.end());
    if (candidates.size() < 2) {
      return candidates;
    }
    std::sort(candidates.begin(), candidates.end());
    return history_.heads(candidates);
  }

  /// The tree that both sides come from. Several common ancestors are merged into one; where they
  /// themselves conflict the path counts as absent, so that only equal sides go together there.
  dsl::Result<Oid> base_of(const std::vector<Oid>& common, int depth) {
    constexpr int kDepth = 32;
    if (common.empty() || depth > kDepth) {
      return git::empty_tree();
    }
    auto merged = merge(common, depth + 1);
    if (!merged) {
      return merged.error();
    }
    Oid tree = merged->tree;
    for (const Conflict& conflict : merged->conflicts) {
      auto without = put_entry(objects_, tree, conflict.path, std::nullopt);
      if (!without) {
        return without;
      }
      tree = *without;
    }
    return tree;
  }

  dsl::Status merge_next(Merged& merged,
                         const Oid& base,
                         const Oid& theirs,
                         const std::vector<Oid>& heads,
                         std::size_t at) {
    auto result = merge_three(objects_, base, merged.tree, theirs, empty_folders_, added_to_);
    if (!result) {
      return result.error();
    }
    for (const std::string& path : result->conflicts) {
      auto ours = who_changed(path, base, heads, at);
      if (!ours) {
        return ours.error();
      }
      merged.conflicts.push_back({path, *ours, at});
    }
    merged.tree = result->tree;
    return dsl::Ok{};
  }

  /// The first of the heads before `end` that differs from `base` at that path.
  dsl::Result<std::size_t> who_changed(const std::string& path,
                                       const Oid& base,
                                       const std::vector<Oid>& heads,
                                       std::size_t end) {
    auto before = find_entry(objects_, base, path);
    if (!before) {
      return before.error();
    }
    for (std::size_t i = 0; i < end; ++i) {
      auto head = history_.commit(heads[i]);
      if (!head) {
        return head.error();
      }
      auto now = find_entry(objects_, (*head)->tree, path);
      if (!now) {
        return now.error();
      }
      if (*now != *before) {
        return i;
      }
    }
    return 0;
  }

  Objects& objects_;
  History& history_;
  const EmptyFolders empty_folders_;
  const std::string& added_to_;
};

/// The node that stands for each commit: the first by name. In the order of these names, so that a
/// conflict is told in the same words each time.
std::vector<CommitSide> unique_sides(std::vector<CommitSide> sides) {
  std::sort(sides.begin(), sides.end(), [](const CommitSide& a, const CommitSide& b) {
    return std::tie(a.commit, a.node) < std::tie(b.commit, b.node);
  });
  sides.erase(
      std::unique(sides.begin(),
                  sides.end(),
                  [](const CommitSide& a, const CommitSide& b) { return a.commit == b.commit; }),
      sides.end());
  std::sort(sides.begin(), sides.end(), [](const CommitSide& a, const CommitSide& b) {
    return std::tie(a.node, a.commit) < std::tie(b.node, b.commit);
  });
  return sides;
}

std::string message_of(const std::vector<CommitSide>& sides) {
  constexpr std::size_t kMost = 12;
  std::vector<std::string> names;
  for (const CommitSide& side : sides) {
    names.push_back(files::printable(side.node.value));
  }
  std::sort(names.begin(), names.end());
  const std::size_t shown = std::min(names.size(), kMost);
  std::string text = fmt::format(
      "Merge {}", fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "));
  if (shown < names.size()) {
    text += fmt::format(" and {} more", names.size() - shown);
  }
  return text;
}

}  // namespace

dsl::Result<CommitMerge> merge_commits(git::Objects& objects, const CommitMergeRequest& request) {
  History history(objects);
  std::vector<CommitSide> sides = unique_sides(request.sides);
  std::vector<Oid> tips;
  for (const CommitSide& side : sides) {
    tips.push_back(side.commit);
  }
  auto heads = history.heads(tips);
  if (!heads) {
    return heads.error();
  }
  const OidSet kept(heads->begin(), heads->end());
  std::erase_if(sides, [&](const CommitSide& side) { return !kept.contains(side.commit); });
  auto first = history.commit(heads->front());
  if (!first) {
    return first.error();
  }
  if (heads->size() == 1) {
    return CommitMerge{heads->front(), (*first)->tree, {}};
  }
  // Only the last tree counts; those between would each cost a file.
  objects.hold();
  auto merged = Fold(objects, history, request).merge(*heads, 0);
  const dsl::Status written_tree =
      merged && merged->conflicts.empty() ? objects.keep(merged->tree) : dsl::Status(dsl::Ok{});
  objects.forget();
  if (!merged || !written_tree) {
    return merged ? written_tree.error() : merged.error();
  }
  CommitMerge result;
  result.tree = merged->tree;
  for (const Fold::Conflict& conflict : merged->conflicts) {
    result.conflicts.push_back(
        {conflict.path, sides[conflict.ours].node, sides[conflict.theirs].node});
  }
  std::sort(result.conflicts.begin(),
            result.conflicts.end(),
            [](const MergeConflict& a, const MergeConflict& b) { return a.path < b.path; });
  if (!result.conflicts.empty()) {
    return result;
  }
  Commit commit;
  commit.tree = result.tree;
  commit.parents = *heads;
  commit.author = request.author;
  commit.message = request.message.empty() ? message_of(sides) : request.message;
  for (const Oid& head : *heads) {
    auto parent = history.commit(head);
    if (!parent) {
      return parent.error();
    }
    commit.time_s = std::max(commit.time_s, (*parent)->time_s);
  }
  auto written = objects.write_commit(commit);
  if (!written) {
    return written.error();
  }
  result.commit = *written;
  return result;
}

}  // namespace runner
