#pragma once

// Cuts a stream of bytes into lines and reads each as a JSON document. Lines that are none are
// counted and passed over; of one that is too long nothing is kept, however long it is. Any thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "dsl/value.h"

namespace runner {

class JsonLines {
 public:
  static constexpr std::size_t kLongest = 8U << 20U;  // bytes of a line

  explicit JsonLines(std::function<void(const dsl::Value&)> document)
      : document_(std::move(document)) {}

  /// The next bytes, cut anywhere.
  void read(std::string_view bytes);
  /// No more will come: what has no end of line yet is a line too.
  void finish();
  /// Lines with something in them that were no JSON object, or too long.
  [[nodiscard]] std::int64_t unread() const { return unread_; }

 private:
  void keep(std::string_view bytes);
  void end_line();

  const std::function<void(const dsl::Value&)> document_;
  std::string line_;
  bool too_long_ = false;
  std::int64_t unread_ = 0;
};

}  // namespace runner
