#include "runner/store/tree_merge.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "runner/store/tree_paths.h"

namespace runner {
namespace {

using git::Entries;
using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

constexpr std::int64_t kMaxText = 16 << 20;  // larger files are not merged by lines

bool is_file(const Entry* entry) {
  return entry != nullptr && (entry->kind == Kind::File || entry->kind == Kind::Executable);
}
bool is_folder(const Entry* entry) {
  return entry != nullptr && entry->kind == Kind::Folder;
}

bool same(const Entry* a, const Entry* b) {
  return a == b || (a != nullptr && b != nullptr && a->kind == b->kind && a->id == b->id);
}

std::vector<std::string> all_names(const Entries& a, const Entries& b, const Entries& c) {
  std::vector<std::string> names;
  for (const Entries* entries : {&a, &b, &c}) {
    for (const Entry& entry : *entries) {
      names.push_back(entry.name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

/// Entries by name, for look-ups in large folders.
class ByName {
 public:
  explicit ByName(const Entries& entries) {
    for (const Entry& entry : entries) {
      sorted_.push_back(&entry);
    }
    std::sort(sorted_.begin(), sorted_.end(), [](const Entry* a, const Entry* b) {
      return a->name < b->name;
    });
  }
  [[nodiscard]] const Entry* find(const std::string& name) const {
    const auto at = std::lower_bound(
        sorted_.begin(), sorted_.end(), name, [](const Entry* entry, const std::string& wanted) {
          return entry->name < wanted;
        });
    return at != sorted_.end() && (*at)->name == name ? *at : nullptr;
  }

 private:
  std::vector<const Entry*> sorted_;
};

class ThreeWay {
 public:
  ThreeWay(Objects& objects, EmptyFolders empty_folders, const std::string& added_to)
      : objects_(objects), empty_folders_(empty_folders), added_to_(added_to) {}

  std::vector<std::string> conflicts;

  /// No value: the merged folder is not there.
  dsl::Result<std::optional<Oid>> merge(const std::optional<Oid>& base,
                                        const std::optional<Oid>& ours,
                                        const std::optional<Oid>& theirs,
                                        const std::string& prefix,
                                        int depth) {
    if (ours == theirs || theirs == base) {
      return ours;
    }
    if (ours == base) {
      return theirs;
    }
    if (depth > kMaxTreeDepth) {
      return dsl::Error{fmt::format("folders are nested deeper than {}", kMaxTreeDepth), ""};
    }
    auto left = read(base);
    auto mine = read(ours);
    auto yours = read(theirs);
    if (!left || !mine || !yours) {
      return !left ? left.error() : !mine ? mine.error() : yours.error();
    }
    const ByName in_base(*left);
    const ByName in_ours(*mine);
    const ByName in_theirs(*yours);
    Entries merged;
    for (const std::string& name : all_names(*left, *mine, *yours)) {
      auto entry = merge_entry(
          {in_base.find(name), in_ours.find(name), in_theirs.find(name)}, name, prefix, depth);
      if (!entry) {
        return entry.error();
      }
      if (*entry) {
        merged.push_back(**std::move(entry));
      }
    }
    const bool keep_empty = empty_folders_ == EmptyFolders::Keep && ours && theirs;
    if (merged.empty() && !keep_empty) {
      return std::optional<Oid>();
    }
    auto written = objects_.write_tree(std::move(merged));
    if (!written) {
      return written.error();
    }
    return std::optional<Oid>(*written);
  }

 private:
  struct Three {
    const Entry* base;
    const Entry* ours;
    const Entry* theirs;
  };

  dsl::Result<Entries> read(const std::optional<Oid>& tree) {
    return tree ? objects_.read_tree(*tree) : dsl::Result<Entries>(Entries{});
  }

  dsl::Result<std::optional<Entry>> merge_entry(const Three& three,
                                                const std::string& name,
                                                const std::string& prefix,
                                                int depth) {
    const auto taken = [](const Entry* entry) {
      return entry == nullptr ? std::optional<Entry>() : std::optional<Entry>(*entry);
    };
    if (same(three.ours, three.theirs) || same(three.theirs, three.base)) {
      return taken(three.ours);
    }
    if (same(three.ours, three.base)) {
      return taken(three.theirs);
    }
    if (all_folders_or_absent(three)) {
      const auto id = [](const Entry* entry) {
        return is_folder(entry) ? std::optional<Oid>(entry->id) : std::nullopt;
      };
      auto merged =
          merge(id(three.base), id(three.ours), id(three.theirs), prefix + name + "/", depth + 1);
      if (!merged) {
        return merged.error();
      }
      return *merged ? std::optional<Entry>(Entry{name, Kind::Folder, **merged})
                     : std::optional<Entry>();
    }
    if (is_file(three.ours) && is_file(three.theirs)) {
      return merge_files(three, name, prefix);
    }
    conflicts.push_back(prefix + name);
    return taken(three.ours);
  }

  /// A folder on one side and nothing or a folder on the other: what lies in it decides. A base
  /// that is something else counts as absent.
  static bool all_folders_or_absent(const Three& three) {
    const bool sides = (is_folder(three.ours) || three.ours == nullptr) &&
                       (is_folder(three.theirs) || three.theirs == nullptr);
    const bool both = is_folder(three.ours) && is_folder(three.theirs);
    return sides && (both || is_folder(three.base));
  }

  dsl::Result<std::optional<Entry>> merge_files(const Three& three,
                                                const std::string& name,
                                                const std::string& prefix) {
    Entry merged{name, three.ours->kind, three.ours->id};
    if (is_file(three.base) && three.ours->kind == three.base->kind) {
      merged.kind = three.theirs->kind;
    } else if (!is_file(three.base) && three.ours->kind != three.theirs->kind) {
      conflicts.push_back(prefix + name);
      return std::optional<Entry>(merged);
    }
    const Oid none{};
    const Oid base = is_file(three.base) ? three.base->id : none;
    if (three.ours->id == base) {
      merged.id = three.theirs->id;
    } else if (three.theirs->id != base && three.ours->id != three.theirs->id) {
      const auto keep = !added_to_.empty() && prefix + name == added_to_ ? Objects::Overlap::Both
                                                                         : Objects::Overlap::None;
      const bool may = base != none || keep == Objects::Overlap::Both;
      auto text = may ? merge_lines(base, three.ours->id, three.theirs->id, keep)
                      : dsl::Result<std::optional<Oid>>(std::optional<Oid>());
      if (!text) {
        return text.error();
      }
      if (!*text) {
        conflicts.push_back(prefix + name);
        return std::optional<Entry>(merged);
      }
      merged.id = **text;
    }
    return std::optional<Entry>(merged);
  }

  /// A base of no id is an empty text.
  dsl::Result<std::optional<Oid>> merge_lines(const Oid& base,
                                              const Oid& ours,
                                              const Oid& theirs,
                                              Objects::Overlap overlap) {
    std::vector<std::string> texts;
    for (const Oid* id : {&base, &ours, &theirs}) {
      if (*id == Oid{}) {
        texts.emplace_back();
        continue;
      }
      auto size = objects_.blob_size(*id);
      if (!size) {
        return size.error();
      }
      if (*size > kMaxText) {
        return std::optional<Oid>();
      }
      auto text = objects_.read_blob(*id, kMaxText);
      if (!text) {
        return text.error();
      }
      texts.push_back(*std::move(text));
    }
    const auto merged = Objects::merge_texts(texts[0], texts[1], texts[2], overlap);
    if (!merged) {
      return std::optional<Oid>();
    }
    auto written = objects_.write_blob(*merged);
    if (!written) {
      return written.error();
    }
    return std::optional<Oid>(*written);
  }

  Objects& objects_;
  const EmptyFolders empty_folders_;
  const std::string& added_to_;
};

}  // namespace

dsl::Result<TreeMerge> merge_three(git::Objects& objects,
                                   const git::Oid& base,
                                   const git::Oid& ours,
                                   const git::Oid& theirs,
                                   EmptyFolders empty_folders,
                                   const std::string& added_to) {
  ThreeWay merge(objects, empty_folders, added_to);
  auto tree = merge.merge(base, ours, theirs, "", 0);
  if (!tree) {
    return tree.error();
  }
  return TreeMerge{tree->value_or(git::empty_tree()), std::move(merge.conflicts)};
}

}  // namespace runner
