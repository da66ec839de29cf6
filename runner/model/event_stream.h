#pragma once

// Cuts `text/event-stream` (WHATWG, server-sent events) into the data of its events. Memory is
// bounded: an event that is too long is passed over. Any thread.

#include <functional>
#include <string>
#include <string_view>

namespace runner {

class EventStream {
 public:
  static constexpr std::size_t kLongest = 16U << 20U;  // bytes of one event's data

  explicit EventStream(std::function<void(std::string_view data)> event)
      : event_(std::move(event)) {}

  /// The next bytes, cut anywhere.
  void read(std::string_view bytes);
  /// Events that were too long.
  [[nodiscard]] bool has_missed() const { return missed_; }

 private:
  void end_line();

  const std::function<void(std::string_view)> event_;
  std::string line_;
  std::string data_;
  bool is_first_ = true;  // no line has ended yet
  bool is_blank_ = true;  // nothing of the line came yet
  bool has_data_ = false;
  bool too_long_ = false;
  bool after_return_ = false;  // the last byte was CR, which ends a line alone or with LF
  bool missed_ = false;
};

}  // namespace runner
