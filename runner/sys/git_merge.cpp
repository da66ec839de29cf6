// Merging texts by lines, and trees from libgit2's indexes; declared in git.h and git_error.h.

#include <cstring>
#include <span>

#include <fmt/format.h>
#include <git2.h>

#include "runner/sys/git_objects.h"

namespace runner::git {
namespace {

/// A tree from the sorted entries of an index, whose paths all share their first `skip` bytes.
dsl::Result<Oid> write_flat_tree(Objects& objects,
                                 std::span<const git_index_entry* const> entries,
                                 std::size_t skip) {
  Entries tree;
  while (!entries.empty()) {
    const std::string_view path = std::string_view(entries.front()->path).substr(skip);
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) {
      const auto kind = kind_of(fmt::format("{:o}", entries.front()->mode));
      tree.push_back({std::string(path), kind.value_or(Kind::File), from_git(entries.front()->id)});
      entries = entries.subspan(1);
      continue;
    }
    const std::string_view folder = path.substr(0, slash + 1);
    std::size_t count = 0;
    while (count < entries.size() &&
           std::string_view(entries[count]->path).substr(skip).starts_with(folder)) {
      ++count;
    }
    auto below = write_flat_tree(objects, entries.first(count), skip + folder.size());
    if (!below) {
      return below;
    }
    tree.push_back({std::string(path.substr(0, slash)), Kind::Folder, *below});
    entries = entries.subspan(count);
  }
  return objects.write_tree(std::move(tree));
}

}  // namespace

// Not git_index_write_tree_to: that would touch equal trees in the repositories that we borrow
// from.
dsl::Result<Oid> write_index(Objects& objects,
                             git_index* index,
                             bool (*is_wanted)(const git_index_entry&)) {
  std::vector<const git_index_entry*> entries;
  entries.reserve(git_index_entrycount(index));
  for (std::size_t i = 0; i < git_index_entrycount(index); ++i) {
    const git_index_entry* entry = git_index_get_byindex(index, i);
    if (is_wanted == nullptr || is_wanted(*entry)) {
      entries.push_back(entry);
    }
  }
  return write_flat_tree(objects, entries, 0);
}

namespace {

struct MergedText {
  std::string text;
  bool overlaps = false;
};

/// No value: a side is binary, or too large.
std::optional<MergedText> merge_three_texts(std::string_view base,
                                            std::string_view ours,
                                            std::string_view theirs,
                                            Objects::Overlap overlap) {
  start_library();
  const auto is_binary = [](std::string_view text) {
    return text.substr(0, 8000).find('\0') != std::string_view::npos;
  };
  if (is_binary(base) || is_binary(ours) || is_binary(theirs)) {
    return std::nullopt;
  }
  const auto input = [](std::string_view text) {
    git_merge_file_input made{};
    git_merge_file_input_init(&made, GIT_MERGE_FILE_INPUT_VERSION);
    made.ptr = text.data();
    made.size = text.size();
    return made;
  };
  const git_merge_file_input ancestor = input(base);
  const git_merge_file_input left = input(ours);
  const git_merge_file_input right = input(theirs);
  git_merge_file_options options{};
  git_merge_file_options_init(&options, GIT_MERGE_FILE_OPTIONS_VERSION);
  options.our_label = "the first of them";
  options.their_label = "the other";
  if (overlap == Objects::Overlap::Both) {
    options.favor = GIT_MERGE_FILE_FAVOR_UNION;
  }
  git_merge_file_result result{};
  if (git_merge_file(&result, &ancestor, &left, &right, &options) != 0) {
    return std::nullopt;
  }
  MergedText merged;
  merged.text.assign(result.ptr == nullptr ? "" : result.ptr, result.len);
  merged.overlaps = result.automergeable == 0;
  git_merge_file_result_free(&result);
  return merged;
}

}  // namespace

std::optional<std::string> Objects::merge_texts(std::string_view base,
                                                std::string_view ours,
                                                std::string_view theirs,
                                                Overlap overlap) {
  auto merged = merge_three_texts(base, ours, theirs, overlap);
  return merged && !merged->overlaps ? std::optional(std::move(merged->text)) : std::nullopt;
}

std::optional<std::string> Objects::mark_texts(std::string_view base,
                                               std::string_view ours,
                                               std::string_view theirs) {
  auto merged = merge_three_texts(base, ours, theirs, Objects::Overlap::None);
  return merged ? std::optional(std::move(merged->text)) : std::nullopt;
}

}  // namespace runner::git
