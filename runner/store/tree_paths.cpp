#include "runner/store/tree_paths.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "runner/sys/files.h"

namespace runner {
namespace {

using git::Entries;
using git::Entry;
using git::Kind;
using git::Objects;
using git::Oid;

dsl::Error too_deep() {
  return {fmt::format("folders are nested deeper than {}", kMaxTreeDepth),
          "flatten the folders, or keep them out with .gitignore"};
}

void sort_by_name(Entries& entries) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.name < b.name;
  });
}

void remove_named(Entries& entries, std::string_view name) {
  std::erase_if(entries, [&](const Entry& entry) { return entry.name == name; });
}

/// The changed folder, or no value where nothing is left in it.
dsl::Result<std::optional<Oid>> put_below(Objects& objects,
                                          const std::optional<Oid>& tree,
                                          std::string_view path,
                                          const std::optional<Entry>& entry,
                                          int depth) {
  if (depth > kMaxTreeDepth) {
    return too_deep();
  }
  Entries entries;
  if (tree) {
    auto read = objects.read_tree(*tree);
    if (!read) {
      return read.error();
    }
    entries = *std::move(read);
  }
  const std::size_t slash = path.find('/');
  const std::string_view name = path.substr(0, slash);
  if (slash == std::string_view::npos) {
    remove_named(entries, name);
    if (entry) {
      entries.push_back({std::string(name), entry->kind, entry->id});
    }
  } else {
    const Entry* below = entry_named(entries, name);
    const bool is_folder = below != nullptr && below->kind == Kind::Folder;
    if (!is_folder && !entry) {
      return tree;  // nothing to remove
    }
    auto changed = put_below(objects,
                             is_folder ? std::optional(below->id) : std::nullopt,
                             path.substr(slash + 1),
                             entry,
                             depth + 1);
    if (!changed) {
      return changed;
    }
    remove_named(entries, name);
    if (*changed) {
      entries.push_back({std::string(name), Kind::Folder, **changed});
    }
  }
  if (entries.empty()) {
    return std::optional<Oid>();
  }
  auto written = objects.write_tree(std::move(entries));
  if (!written) {
    return written.error();
  }
  return std::optional<Oid>(*written);
}

dsl::Result<Oid> unite(Objects& objects, const Oid& first, const Oid& second, int depth) {
  if (first == second || second == git::empty_tree()) {
    return first;
  }
  if (first == git::empty_tree()) {
    return second;
  }
  if (depth > kMaxTreeDepth) {
    return too_deep();
  }
  auto entries = objects.read_tree(first);
  auto added = objects.read_tree(second);
  if (!entries || !added) {
    return entries ? added.error() : entries.error();
  }
  for (const Entry& entry : *added) {
    const auto same = std::find_if(entries->begin(), entries->end(), [&](const Entry& other) {
      return other.name == entry.name;
    });
    if (same == entries->end()) {
      entries->push_back(entry);
    } else if (same->kind == Kind::Folder && entry.kind == Kind::Folder) {
      auto united = unite(objects, same->id, entry.id, depth + 1);
      if (!united) {
        return united;
      }
      same->id = *united;
    }
  }
  return objects.write_tree(*std::move(entries));
}

class Differ {
 public:
  Differ(Objects& objects, std::size_t most) : objects_(objects), most_(most) {}

  /// false: there are too many.
  dsl::Result<bool> compare(const Oid& before,
                            const Oid& after,
                            const std::string& prefix,
                            int depth) {
    if (before == after) {
      return true;
    }
    if (depth > kMaxTreeDepth) {
      return too_deep();
    }
    auto left = objects_.read_tree(before);
    auto right = objects_.read_tree(after);
    if (!left || !right) {
      return left ? right.error() : left.error();
    }
    sort_by_name(*left);
    sort_by_name(*right);
    auto a = left->begin();
    auto b = right->begin();
    while (a != left->end() || b != right->end()) {
      const bool take_a = a != left->end() && (b == right->end() || a->name <= b->name);
      const bool take_b = b != right->end() && (a == left->end() || b->name <= a->name);
      auto fits = compare_entries(take_a ? &*a : nullptr, take_b ? &*b : nullptr, prefix, depth);
      if (!fits || !*fits) {
        return fits;
      }
      a += take_a ? 1 : 0;
      b += take_b ? 1 : 0;
    }
    return true;
  }

  std::vector<Difference> found;

 private:
  dsl::Result<bool> compare_entries(const Entry* before,
                                    const Entry* after,
                                    const std::string& prefix,
                                    int depth) {
    if (before != nullptr && after != nullptr && *before == *after) {
      return true;
    }
    const auto is_folder = [](const Entry* entry) {
      return entry != nullptr && entry->kind == Kind::Folder;
    };
    // A folder without entries is a leaf too: it may be there or not.
    const auto leaf = [&](const Entry* entry) {
      const bool has_entries = is_folder(entry) && entry->id != git::empty_tree();
      return entry == nullptr || has_entries ? std::optional<Entry>() : std::optional(*entry);
    };
    const std::string path = prefix + (before != nullptr ? before->name : after->name);
    if (leaf(before) || leaf(after)) {
      if (found.size() == most_) {
        return false;
      }
      found.push_back({path, leaf(before), leaf(after)});
    }
    if (is_folder(before) || is_folder(after)) {
      return compare(is_folder(before) ? before->id : git::empty_tree(),
                     is_folder(after) ? after->id : git::empty_tree(),
                     path + "/",
                     depth + 1);
    }
    return true;
  }

  Objects& objects_;
  const std::size_t most_;
};

dsl::Status visit(Objects& objects,
                  const Oid& tree,
                  const std::string& prefix,
                  int depth,
                  const std::function<dsl::Status(const std::string&, const Entry&)>& each) {
  if (depth > kMaxTreeDepth) {
    return too_deep();
  }
  auto entries = objects.read_tree(tree);
  if (!entries) {
    return entries.error();
  }
  for (const Entry& entry : *entries) {
    const std::string path = prefix + entry.name;
    const bool into = entry.kind == Kind::Folder && entry.id != git::empty_tree();
    auto done = into ? visit(objects, entry.id, path + "/", depth + 1, each) : each(path, entry);
    if (!done) {
      return done;
    }
  }
  return dsl::Ok{};
}

}  // namespace

const git::Entry* entry_named(const git::Entries& entries, std::string_view name) {
  const auto found = std::find_if(
      entries.begin(), entries.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries.end() ? nullptr : &*found;
}

dsl::Result<std::optional<git::Entry>> find_entry(git::Objects& objects,
                                                  const git::Oid& tree,
                                                  std::string_view path) {
  Entry at{"", Kind::Folder, tree};
  while (!path.empty()) {
    if (at.kind != Kind::Folder) {
      return std::optional<Entry>();
    }
    auto entries = objects.read_tree(at.id);
    if (!entries) {
      return entries.error();
    }
    const std::size_t slash = std::min(path.find('/'), path.size());
    const Entry* found = entry_named(*entries, path.substr(0, slash));
    if (found == nullptr) {
      return std::optional<Entry>();
    }
    at = Entry(*found);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return std::optional<Entry>(at);
}

dsl::Result<git::Oid> put_entry(git::Objects& objects,
                                const git::Oid& tree,
                                std::string_view path,
                                const std::optional<git::Entry>& entry) {
  auto changed = put_below(objects, tree, path, entry, 0);
  if (!changed) {
    return changed.error();
  }
  return changed->value_or(git::empty_tree());
}

dsl::Result<git::Oid> unite_trees(git::Objects& objects,
                                  const git::Oid& first,
                                  const git::Oid& second) {
  return unite(objects, first, second, 0);
}

dsl::Result<std::optional<std::vector<Difference>>> diff_trees(git::Objects& objects,
                                                               const git::Oid& before,
                                                               const git::Oid& after,
                                                               std::size_t most) {
  Differ differ(objects, most);
  auto fits = differ.compare(before, after, "", 0);
  if (!fits) {
    return fits.error();
  }
  if (!*fits) {
    return std::optional<std::vector<Difference>>();
  }
  std::sort(differ.found.begin(), differ.found.end(), [](const Difference& a, const Difference& b) {
    return a.path < b.path;
  });
  return std::optional(std::move(differ.found));
}

dsl::Status for_each_entry(
    git::Objects& objects,
    const git::Oid& tree,
    const std::function<dsl::Status(const std::string& path, const git::Entry& entry)>& each) {
  return visit(objects, tree, "", 0, each);
}

}  // namespace runner
