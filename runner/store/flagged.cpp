#include "runner/store/flagged.h"

#include <limits>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include <climits>
#include <fmt/format.h>

#include "runner/store/tree_paths.h"

namespace runner {
namespace {

using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

constexpr std::int64_t kMostLookedThrough = 64LL << 20;  // bytes of a file, for secrets

class Flagger {
 public:
  Flagger(Objects& objects, Oid after, const Masking& secrets)
      : objects_(objects), after_(after), secrets_(secrets) {}

  dsl::Status look_at(const Difference& difference) {
    const bool is_there = difference.after && difference.after->kind != Kind::Folder;
    const bool was_there = difference.before && difference.before->kind != Kind::Folder;
    if (!is_there && !was_there) {
      return dsl::Ok{};
    }
    const std::string& path = difference.path;
    if (const std::string_view who = runs_elsewhere(path); !who.empty()) {
      flag(path, std::string(who) + (is_there ? "" : "; it was removed"));
    }
    if (!is_there) {
      return dsl::Ok{};
    }
    if (auto looked = look_for_secrets(path, *difference.after); !looked) {
      return looked;
    }
    if (is_deceptive(path)) {
      flag(path, "its name holds characters that do not show");
    }
    if (difference.after->kind == Kind::Link) {
      const auto target = objects_.read_blob(difference.after->id, PATH_MAX);
      if (!target) {
        return target.error();
      }
      if (leads_out(path, *target)) {
        flag(path, "a link that leads out of the project");
      }
    }
    return was_there ? dsl::Status(dsl::Ok{}) : look_around(path);
  }

  std::vector<FlaggedPath> take() {
    if (more_ > 0) {
      flagged_.push_back({fmt::format("{} more", more_), "not listed"});
    }
    return std::move(flagged_);
  }

 private:
  void flag(const std::string& path, std::string why) {
    if (flagged_.size() < kMostFlagged) {
      flagged_.push_back({path, std::move(why)});
    } else {
      ++more_;
    }
  }

  /// Where they can be read by all who get the result.
  dsl::Status look_for_secrets(const std::string& path, const Entry& entry) {
    if (secrets_.empty() || entry.kind == Kind::Submodule) {
      return dsl::Ok{};
    }
    const auto bytes = objects_.read_blob(entry.id, kMostLookedThrough);
    if (!bytes) {
      return bytes.error();
    }
    if (secrets_.is_in(*bytes) || secrets_.is_in(path)) {
      flag(path, "it holds the value of a secret");
    }
    return dsl::Ok{};
  }

  /// What a new file is beside, in each folder above it.
  dsl::Status look_around(const std::string& path) {
    for (std::size_t at = 0; at != std::string::npos;) {
      const std::size_t slash = path.find('/', at);
      const std::string folder = path.substr(0, at == 0 ? 0 : at - 1);
      const std::string name = path.substr(at, slash == std::string::npos ? slash : slash - at);
      auto beside = names_in(folder);
      if (!beside) {
        return beside.error();
      }
      if (const auto found = (*beside)->find(folded(name)); found != (*beside)->end()) {
        for (const std::string& other : found->second) {
          if (other != name) {
            flag(path, fmt::format("macOS and Windows take '{}' and '{}' for one", name, other));
            break;
          }
        }
      }
      const bool is_last = slash == std::string::npos;
      const bool of_repository = folded(name) == "head" || folded(name) == "config";
      if (is_last && of_repository && (*beside)->contains("objects") &&
          (*beside)->contains("refs")) {
        flag(path, "git takes its folder for a repository, and runs what its config says");
      }
      at = is_last ? slash : slash + 1;
    }
    return dsl::Ok{};
  }

  using Names = std::unordered_map<std::string, std::vector<std::string>>;  // by folded name

  dsl::Result<const Names*> names_in(const std::string& folder) {
    if (const auto known = folders_.find(folder); known != folders_.end()) {
      return &known->second;
    }
    Names names;
    auto entry = find_entry(objects_, after_, folder);
    if (!entry) {
      return entry.error();
    }
    if (*entry && (*entry)->kind == Kind::Folder) {
      auto entries = objects_.read_tree((*entry)->id);
      if (!entries) {
        return entries.error();
      }
      for (const Entry& one : *entries) {
        names[folded(one.name)].push_back(one.name);
      }
    }
    return &folders_.emplace(folder, std::move(names)).first->second;
  }

  Objects& objects_;
  const Oid after_;
  const Masking& secrets_;
  std::map<std::string, Names> folders_;
  std::vector<FlaggedPath> flagged_;
  std::size_t more_ = 0;
};

dsl::Result<std::vector<FlaggedPath>> flagged_in(Objects& objects,
                                                 const Oid& before,
                                                 const Oid& after,
                                                 const Masking& secrets) {
  if (before == after) {
    return std::vector<FlaggedPath>();
  }
  auto differences = diff_trees(objects, before, after, std::numeric_limits<std::size_t>::max());
  if (!differences) {
    return differences.error();
  }
  Flagger flagger(objects, after, secrets);
  for (const Difference& difference : **differences) {
    if (auto looked = flagger.look_at(difference); !looked) {
      return looked.error();
    }
  }
  return flagger.take();
}

}  // namespace

dsl::Result<std::vector<FlaggedPath>> flagged_changes(Objects& objects,
                                                      const Oid& before,
                                                      const std::vector<Oid>& trees,
                                                      const Masking& secrets) {
  std::vector<FlaggedPath> all;
  for (const Oid& tree : trees) {
    auto flagged = flagged_in(objects, before, tree, secrets);
    if (!flagged) {
      return flagged;
    }
    for (FlaggedPath& one : *flagged) {
      if (std::find(all.begin(), all.end(), one) == all.end()) {
        all.push_back(std::move(one));
      }
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const FlaggedPath& a, const FlaggedPath& b) {
    return a.path < b.path;
  });
  return all;
}

}  // namespace runner
