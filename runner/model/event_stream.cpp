#include "runner/model/event_stream.h"

#include <utility>

namespace runner {

namespace {
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}

void EventStream::read(std::string_view bytes) {
  while (!bytes.empty()) {
    if (after_return_ && bytes.front() == '\n') {
      bytes.remove_prefix(1);
    }
    after_return_ = false;
    const std::size_t end = bytes.find_first_of("\r\n");
    const std::string_view part = bytes.substr(0, end);
    is_blank_ = is_blank_ && part.empty();
    if (too_long_ || line_.size() + data_.size() + part.size() > kLongest) {
      too_long_ = true;
      line_ = {};
      data_ = {};
    } else {
      line_ += part;
    }
    if (end == std::string_view::npos) {
      return;
    }
    after_return_ = bytes[end] == '\r';
    bytes.remove_prefix(end + 1);
    end_line();
  }
}

void EventStream::end_line() {
  if (std::exchange(is_blank_, true)) {  // and not merely too long to be kept
    if (too_long_) {
      missed_ = true;
    } else if (has_data_) {
      event_(data_);
    }
    data_.clear();
    has_data_ = false;
    too_long_ = false;
    return;
  }
  std::string_view line = line_;
  if (std::exchange(is_first_, false) && line.starts_with(kByteOrderMark)) {
    line.remove_prefix(kByteOrderMark.size());
  }
  if (!too_long_ && line.starts_with("data:")) {
    line.remove_prefix(5);
    if (line.starts_with(" ")) {
      line.remove_prefix(1);
    }
    if (has_data_) {
      data_ += '\n';
    }
    data_ += line;
    has_data_ = true;
  }
  line_.clear();
}

}  // namespace runner
