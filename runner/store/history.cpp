#include "runner/store/history.h"

#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "runner/store/tree_paths.h"

namespace runner {

using git::Entry;
using git::FileChange;
using git::Kind;
using git::Objects;
using git::Oid;

namespace {

using OidSet = std::unordered_set<Oid, git::OidHash>;

constexpr std::int64_t kLargest = 4 << 20;  // bytes of a file whose lines are compared

/// The text that stands for one side of a change, which `left` is made smaller by. No value: it is
/// too large.
dsl::Result<std::optional<std::string>> text_of(Objects& objects,
                                                const std::optional<Entry>& entry,
                                                std::int64_t& left) {
  if (!entry) {
    return std::optional<std::string>("");
  }
  if (entry->kind == Kind::Submodule) {
    return std::optional("Subproject commit " + git::to_hex(entry->id) + "\n");
  }
  auto size = objects.blob_size(entry->id);
  if (!size) {
    return size.error();
  }
  if (*size > std::min(kLargest, left)) {
    return std::optional<std::string>();
  }
  left -= *size;
  auto bytes = objects.read_blob(entry->id, kLargest);
  return bytes ? dsl::Result<std::optional<std::string>>(*std::move(bytes)) : bytes.error();
}

dsl::Status compare(Objects& objects, FileChange& change, std::int64_t& left) {
  if (change.before && change.after && change.before->id == change.after->id) {
    return dsl::Ok{};  // only its mode
  }
  auto before = text_of(objects, change.before, left);
  auto after = text_of(objects, change.after, left);
  if (!before || !after) {
    return before ? after.error() : before.error();
  }
  if (!*before || !*after) {
    change.too_large = true;
    return dsl::Ok{};
  }
  auto text = Objects::diff_texts(**before, **after);
  if (!text) {
    return text.error();
  }
  change.text = *std::move(text);
  return dsl::Ok{};
}

/// Walks from tips to the input without recursion: a history may be long.
class Walk {
 public:
  Walk(Objects& objects, OidSet known) : objects_(objects), known_(std::move(known)) {}

  dsl::Status from(const Oid& tip) {
    if (auto entered = enter(tip); !entered) {
      return entered;
    }
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next < step.at.commit.parents.size()) {
        const Oid parent = step.at.commit.parents[step.next++];
        if (auto entered = enter(parent); !entered) {
          return entered;
        }
        continue;
      }
      commits.push_back(std::move(step.at));
      path_.pop_back();
    }
    return dsl::Ok{};
  }

  std::vector<RunCommit> commits;

 private:
  struct Step {
    RunCommit at;
    std::size_t next = 0;  // the parent to look at
  };

  dsl::Status enter(const Oid& id) {
    if (!objects_.owns(id) || !known_.insert(id).second) {
      return dsl::Ok{};
    }
    auto commit = objects_.read_commit(id);
    if (!commit) {
      return commit.error();
    }
    path_.push_back({{id, *std::move(commit)}, 0});
    return dsl::Ok{};
  }

  Objects& objects_;
  OidSet known_;
  std::vector<Step> path_;
};

}  // namespace

dsl::Result<std::vector<RunCommit>> commits_since(Objects& objects,
                                                  const std::string& input,
                                                  const std::vector<std::string>& tips) {
  auto from = git::parse_oid(input);
  if (!from) {
    return from.error();
  }
  Walk walk(objects, {*from});
  for (const std::string& tip : tips) {
    auto id = git::parse_oid(tip);
    auto walked = id ? walk.from(*id) : dsl::Status(id.error());
    if (!walked) {
      return walked.error();
    }
  }
  return std::move(walk.commits);
}

dsl::Status for_each_change(Objects& objects,
                            const Oid& before,
                            const Oid& after,
                            std::int64_t most,
                            const std::function<dsl::Status(const FileChange&)>& each) {
  auto differences = diff_trees(objects, before, after, std::numeric_limits<std::size_t>::max());
  if (!differences) {
    return differences.error();
  }
  for (Difference& difference : **differences) {
    FileChange change;
    change.path = std::move(difference.path);
    change.before = std::move(difference.before);
    change.after = std::move(difference.after);
    if (auto compared = compare(objects, change, most); !compared) {
      return compared;
    }
    if (auto told = each(change); !told) {
      return told;
    }
  }
  return dsl::Ok{};
}

}  // namespace runner
