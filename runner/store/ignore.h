#pragma once

// What .gitignore says, without git: patterns of a file, and the files from the top of a tree down
// to a folder. Bounded work on any input. Any thread.

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/glob.h"

namespace runner {

/// The patterns of one .gitignore.
class IgnoreFile {
 public:
  /// Every text is valid; at most kMaxPatterns patterns count.
  explicit IgnoreFile(std::string_view text);

  static constexpr std::size_t kMaxPatterns = 10'000;
  static constexpr std::int64_t kMaxBytes = 1 << 20;  // of a file; more is cut

  [[nodiscard]] bool empty() const { return patterns_.empty(); }

  /// `path` is beneath the folder of this file. No value: nothing here speaks of it; else whether
  /// the last pattern that matches ignores it.
  [[nodiscard]] std::optional<bool> decide(std::string_view path, bool is_folder) const;

 private:
  struct Pattern {
    enum class How { Name, NameEnd, Glob };
    How how = How::Glob;
    bool ignores = true;        // false: began with '!'
    bool only_folders = false;  // ended with '/'
    bool whole_path = false;    // has a '/', so it is about the path and not the name alone
    std::string text;           // Name, NameEnd
    std::optional<dsl::Glob> glob;
  };
  void add(std::string_view line);

  std::vector<Pattern> patterns_;
};

/// The files that count in a folder: its own and those of the folders above it.
class IgnoreChain {
 public:
  /// `folder` ("" or ending with '/') is where the file lies.
  void push(std::string folder, IgnoreFile file);
  void pop() { levels_.pop_back(); }

  /// Whether `path` (from the top) is ignored. REQUIRES: none of the folders above it is.
  [[nodiscard]] bool ignores(std::string_view path, bool is_folder) const;

 private:
  struct Level {
    std::string folder;
    IgnoreFile file;
  };
  std::vector<Level> levels_;
};

}  // namespace runner
