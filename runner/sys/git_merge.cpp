// Merging with libgit2's help, and trees from its indexes; declared in git.h and git_error.h.

#include <array>
#include <cstring>
#include <span>

#include <fmt/format.h>
#include <git2/sys/repository.h>

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
dsl::Result<Oid> write_index(Objects& objects, git_index* index) {
  std::vector<const git_index_entry*> entries(git_index_entrycount(index));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    entries[i] = git_index_get_byindex(index, i);
  }
  return write_flat_tree(objects, entries, 0);
}

std::optional<std::string> Objects::merge_texts(std::string_view base,
                                                std::string_view ours,
                                                std::string_view theirs) {
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
  git_merge_file_result result{};
  if (git_merge_file(&result, &ancestor, &left, &right, nullptr) != 0) {
    return std::nullopt;
  }
  std::optional<std::string> merged;
  if (result.automergeable != 0) {
    merged.emplace(result.ptr == nullptr ? "" : result.ptr, result.len);
  }
  git_merge_file_result_free(&result);
  return merged;
}

dsl::Result<std::optional<Oid>> Objects::merge_trees(const Oid& base,
                                                     const Oid& ours,
                                                     const Oid& theirs) {
  for (const Oid* tree : {&base, &ours, &theirs}) {
    if (auto kept = keep(*tree); !kept) {
      return kept.error();  // libgit2 does not see what is held
    }
  }
  git_repository* wrapped = nullptr;
  if (const int code = git_repository_wrap_odb(&wrapped, impl_->all.get()); code != 0) {
    return error_of("merge", code);
  }
  const Held<git_repository, git_repository_free> repository(wrapped);
  using Tree = Held<git_tree, git_tree_free>;
  std::array<Tree, 3> trees;
  const std::array<const Oid*, 3> ids{&base, &ours, &theirs};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const git_oid raw = to_git(*ids[i]);
    git_tree* tree = nullptr;
    if (const int code = git_tree_lookup(&tree, repository.get(), &raw); code != 0) {
      return error_of("merge", code);
    }
    trees[i].reset(tree);
  }
  git_merge_options options = GIT_MERGE_OPTIONS_INIT;
  options.flags = GIT_MERGE_FIND_RENAMES;
  git_index* merged = nullptr;
  if (const int code = git_merge_trees(
          &merged, repository.get(), trees[0].get(), trees[1].get(), trees[2].get(), &options);
      code != 0) {
    return error_of("merge", code);
  }
  const Held<git_index, git_index_free> index(merged);
  if (git_index_has_conflicts(index.get()) != 0) {
    return std::optional<Oid>();
  }
  auto tree = write_index(*this, index.get());
  if (!tree) {
    return tree.error();
  }
  return std::optional<Oid>(*tree);
}

}  // namespace runner::git
