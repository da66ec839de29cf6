#include "runner/agent/json_lines.h"

namespace runner {

void JsonLines::read(std::string_view bytes) {
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    keep(bytes.substr(0, end));
    end_line();
    bytes.remove_prefix(end + 1);
  }
  keep(bytes);
}

void JsonLines::finish() {
  end_line();
}

void JsonLines::keep(std::string_view bytes) {
  if (too_long_ || line_.size() + bytes.size() > kLongest) {
    too_long_ = true;
    line_ = {};  // its memory too
  } else {
    line_ += bytes;
  }
}

void JsonLines::end_line() {
  const bool is_blank = line_.find_first_not_of(" \t\r") == std::string::npos;
  if (too_long_) {
    ++unread_;
  } else if (!is_blank) {
    const dsl::Result<dsl::Value> document = dsl::value_from_json(line_);
    if (document && std::holds_alternative<dsl::Value::Record>(document->held)) {
      document_(*document);
    } else {
      ++unread_;
    }
  }
  line_.clear();
  too_long_ = false;
}

}  // namespace runner
