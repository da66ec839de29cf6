#pragma once

// What files looked like when their content was known, so that unchanged ones need not be read
// again. A job can forge a file's size and modification time but not its change time, and files
// that were touched in the last moments before the book was closed count as unknown, because a
// change right after would not show. One thread at a time.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unordered_map>

#include "dsl/result.h"
#include "runner/sys/git.h"

namespace runner {

class StampBook {
 public:
  void note(std::string path, const struct stat& status, const git::Oid& content);

  /// No value: unknown, or changed since.
  [[nodiscard]] std::optional<git::Oid> find(const std::string& path,
                                             const struct stat& status) const;

  [[nodiscard]] std::size_t size() const { return stamps_.size(); }
  /// Of all files together.
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

  static constexpr std::int64_t kTooLate_ns = 50'000'000;  // several ticks of the kernel's clock

  /// Writes the book to a file, without those that were touched too lately. `now_ns`: the clock by
  /// which the file system stamps (files::clock_ns).
  dsl::Status save(const std::string& path, std::int64_t now_ns) const;
  /// An empty book where there is no such file or it is none of ours.
  static StampBook load(const std::string& path);

 private:
  struct Stamp {
    std::int64_t size = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;
    std::uint64_t inode = 0;
    git::Oid content;
  };
  std::unordered_map<std::string, Stamp> stamps_;
  std::int64_t bytes_ = 0;
};

}  // namespace runner
