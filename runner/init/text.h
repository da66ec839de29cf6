#pragma once

// The little that pipe-init needs of text and output. No allocation, no locale, no streams.

#include <stddef.h>

namespace runner::init {

/// A line that is put together in place; what does not fit is cut off.
class Line {
 public:
  Line& add(const char* text);
  Line& add(const char* bytes, size_t count);
  Line& add(long number);
  /// Writes it in one go. False: the other side is gone.
  bool write_to(int fd) const;
  [[nodiscard]] const char* bytes() const { return bytes_; }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  char bytes_[4096];
  size_t size_ = 0;
};

/// Writes all of it; false on an error.
bool write_all(int fd, const char* bytes, size_t count);

/// A decimal number without sign, or -1 where `text` is none (or is greater than a billion).
long parse_number(const char* text);

/// Prints "pipe-init: WHAT 'NAME': reason" on standard error and ends with kExitBroken.
[[noreturn]] void fail(const char* what, const char* name, int error_number);

/// The value of the option at argv[*at], and moves on to it; fails where it is missing.
const char* option_value(char** argv, int* at);
int option_number(char** argv, int* at);
bool same(const char* left, const char* right);

}  // namespace runner::init
