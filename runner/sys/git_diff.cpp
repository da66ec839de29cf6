// Differences between texts by lines; declared in git.h.

#include <fmt/format.h>
#include <git2.h>

#include "runner/sys/git_error.h"

namespace runner::git {
namespace {

using Patch = Held<git_patch, git_patch_free>;

std::optional<DiffLine::Kind> kind_of(char origin) {
  switch (origin) {
    case GIT_DIFF_LINE_CONTEXT:
      return DiffLine::Kind::Context;
    case GIT_DIFF_LINE_ADDITION:
      return DiffLine::Kind::Added;
    case GIT_DIFF_LINE_DELETION:
      return DiffLine::Kind::Removed;
    default:  // a remark on the end of the file, which the line before it tells by itself
      return std::nullopt;
  }
}

dsl::Status add_lines(git_patch* patch, std::size_t hunk, std::size_t count, TextDiff& diff) {
  for (std::size_t i = 0; i < count; ++i) {
    const git_diff_line* line = nullptr;
    if (const int code = git_patch_get_line_in_hunk(&line, patch, hunk, i); code != 0) {
      return error_of("diff", code);
    }
    const auto kind = kind_of(line->origin);
    if (!kind) {
      continue;
    }
    DiffLine told{*kind, std::string(line->content, line->content_len), true};
    if (told.text.ends_with('\n')) {
      told.text.pop_back();
      told.ends_file = false;
    }
    diff.added += *kind == DiffLine::Kind::Added ? 1 : 0;
    diff.removed += *kind == DiffLine::Kind::Removed ? 1 : 0;
    diff.hunks.back().lines.push_back(std::move(told));
  }
  return dsl::Ok{};
}

}  // namespace

dsl::Result<TextDiff> Objects::diff_texts(std::string_view before, std::string_view after) {
  start_library();
  git_diff_options options{};
  git_diff_options_init(&options, GIT_DIFF_OPTIONS_VERSION);
  git_patch* made = nullptr;
  if (const int code = git_patch_from_buffers(&made,
                                              before.data(),
                                              before.size(),
                                              nullptr,
                                              after.data(),
                                              after.size(),
                                              nullptr,
                                              &options);
      code != 0) {
    return error_of("diff", code);
  }
  const Patch patch(made);
  TextDiff diff;
  diff.binary = (git_patch_get_delta(patch.get())->flags & GIT_DIFF_FLAG_BINARY) != 0;
  for (std::size_t i = 0; i < git_patch_num_hunks(patch.get()); ++i) {
    const git_diff_hunk* hunk = nullptr;
    std::size_t count = 0;
    if (const int code = git_patch_get_hunk(&hunk, &count, patch.get(), i); code != 0) {
      return error_of("diff", code);
    }
    diff.hunks.push_back({hunk->old_start, hunk->old_lines, hunk->new_start, hunk->new_lines, {}});
    if (auto added = add_lines(patch.get(), i, count, diff); !added) {
      return added.error();
    }
  }
  return diff;
}

}  // namespace runner::git
