#include "runner/agent/json_lines.h"

#include <utility>

namespace runner {
namespace {

/// Half a character, escaped, whose second digit is in this range: of a first half 8 to b, of a
/// second one c to f.
bool is_escape(std::string_view text, std::size_t at, char least, char most) {
  return at + 6 <= text.size() && text[at] == '\\' && text[at + 1] == 'u' &&
         (text[at + 2] | 0x20) == 'd' && (text[at + 3] | 0x20) >= least &&
         (text[at + 3] | 0x20) <= most;
}

/// Programs cut texts anywhere: half of a character is no reason to lose the line that it is in.
/// Bytes that are no UTF-8 and halves of escaped characters become U+FFFD.
std::string with_whole_characters(const std::string& line) {
  const auto text = dsl::value_from_json(dsl::to_json(dsl::Value(line)));
  const auto* const valid = text ? std::get_if<std::string>(&text->held) : nullptr;
  std::string whole = valid != nullptr ? *valid : line;
  for (std::size_t at = whole.find('\\'); at != std::string::npos; at = whole.find('\\', at + 2)) {
    const bool is_first = is_escape(whole, at, '8', '9') || is_escape(whole, at, 'a', 'b');
    if (is_first && is_escape(whole, at + 6, 'c', 'f')) {
      at += 6;
    } else if (is_first || is_escape(whole, at, 'c', 'f')) {
      whole.replace(at + 2, 4, "fffd");
    }
  }
  return whole;
}

}  // namespace

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
    dsl::Result<dsl::Value> document = dsl::value_from_json(line_);
    if (!document) {
      document = dsl::value_from_json(with_whole_characters(line_));
    }
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
