#pragma once

// What a commit changed, for people: the words of `git diff`, safe on a terminal. Nothing of a file
// or its name can vanish, move the cursor or pass for a line of ours. Any thread; pure.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/colour.h"
#include "runner/sys/git.h"

namespace runner::report {

/// A path as it is, or in quotes as git writes it ("a\nb", bytes in octal) where it has anything
/// that a line of text could be confused by.
std::string path_text(std::string_view path);

/// As it is in JSON, which holds text only: `path_text` where it is no UTF-8.
std::string json_path(std::string_view path);

/// One file's part of a diff, each line with its line feed.
std::string diff_text(const git::FileChange& change, dsl::Colour colour);

/// A file in a summary.
struct FileSize {
  std::string path;
  enum class Change { Added, Modified, Deleted } change = Change::Modified;
  bool binary = false;  // or too large to be compared by lines
  std::int64_t added = 0;
  std::int64_t removed = 0;
};
FileSize size_of(const git::FileChange& change);

/// As `git diff --stat`: a line a file and one with their sum. "" for none.
std::string stat_text(const std::vector<FileSize>& files, std::size_t width, dsl::Colour colour);

}  // namespace runner::report
