#pragma once

// Locks between processes, on files. The kernel releases them when their owner dies.

#include <memory>
#include <optional>
#include <string>

#include "dsl/result.h"
#include "runner/sys/fd.h"

namespace runner {

/// One lock, held until it is destroyed. The file is made where it is not there, and stays.
class FileLock {
 public:
  enum class How { Shared, Exclusive };
  /// Waits.
  static dsl::Result<FileLock> take(const std::string& path, How how);
  /// No value: somebody else holds it.
  static dsl::Result<std::optional<FileLock>> try_take(const std::string& path, How how);

  /// Whether anybody holds it, without taking it even for a moment. A file that is not there: no.
  static bool is_held(const std::string& path);

  /// Of the lock's file, for notes to others; it is empty at first.
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  explicit FileLock(Fd file) : file_(std::move(file)) {}
  Fd file_;
};

/// Shared locks that are held until the set is destroyed. Any thread.
class LockSet {
 public:
  LockSet();
  LockSet(const LockSet&) = delete;
  LockSet& operator=(const LockSet&) = delete;
  ~LockSet();

  /// Waits while somebody holds it exclusively; nothing happens where this set holds it already.
  dsl::Status hold(const std::string& path);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
