#include "dsl/text_origin.h"

#include <algorithm>
#include <optional>

namespace dsl {
namespace {

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/// Bytes that the hex digits of a YAML escape become in UTF-8.
std::size_t utf8_length(std::string_view hex) {
  std::uint32_t code = 0;
  for (const char c : hex) {
    const bool digit = c >= '0' && c <= '9';
    const auto value = static_cast<std::uint32_t>(digit ? c - '0' : ((c | 0x20) - 'a' + 10));
    code = (code << 4U) | (value & 0xFU);
  }
  if (code < 0x80) {
    return 1;
  }
  if (code < 0x800) {
    return 2;
  }
  return code < 0x10000 ? 3 : 4;
}

/// One escape of a double-quoted scalar: how long it is, and how many bytes it stands for.
struct Escape {
  std::size_t raw = 2;
  std::size_t decoded = 1;
};

/// `raw` starts with the backslash.
Escape read_escape(std::string_view raw) {
  if (raw.size() < 2) {
    return {raw.size(), 0};
  }
  switch (raw[1]) {
    case 'x':
      return {4, utf8_length(raw.substr(2, 2))};
    case 'u':
      return {6, utf8_length(raw.substr(2, 4))};
    case 'U':
      return {10, utf8_length(raw.substr(2, 8))};
    case 'N':
    case '_':
      return {2, 2};
    case 'L':
    case 'P':
      return {2, 3};
    case '\n':
    case '\r': {  // the line goes on: neither the break nor the next line's blanks count
      const std::size_t next = raw.find_first_not_of(" \t\r\n", 1);
      return {next == std::string_view::npos ? raw.size() : next, 0};
    }
    default:
      return {2, 1};
  }
}

/// Where the scalar's first content byte stands in `raw`.
std::size_t content_begin(std::string_view raw) {
  if (raw.starts_with('"') || raw.starts_with('\'')) {
    return 1;
  }
  if (raw.starts_with('|') || raw.starts_with('>')) {
    const std::size_t line_end = raw.find('\n');
    return line_end == std::string_view::npos ? raw.size() : line_end + 1;
  }
  return 0;
}

}  // namespace

TextOrigin::TextOrigin(std::uint32_t source, std::size_t begin)
    : source_(source), limit_(UINT32_MAX), runs_{{0, static_cast<std::uint32_t>(begin)}} {}

TextOrigin TextOrigin::align(std::uint32_t source,
                             std::size_t raw_begin,
                             std::string_view raw,
                             std::string_view decoded) {
  std::size_t at = content_begin(raw);
  TextOrigin origin(source, raw_begin + std::min(at, raw.size()));
  const auto put = [&](std::size_t text, std::size_t bytes) {
    const auto place = static_cast<std::uint32_t>(raw_begin + std::min(at, raw.size()));
    const Run& last = origin.runs_.back();
    if (last.origin + (text - last.text) != place) {
      origin.runs_.push_back({static_cast<std::uint32_t>(text), place});
    }
    if (bytes != 1) {
      origin.wide_.push_back({static_cast<std::uint32_t>(text), static_cast<std::uint32_t>(bytes)});
    }
  };
  const char quote = raw.empty() ? '\0' : raw.front();
  for (std::size_t k = 0; k < decoded.size();) {
    if (quote == '"' && at < raw.size() && raw[at] == '\\') {
      const Escape escape = read_escape(raw.substr(at));
      for (std::size_t n = 0; n < escape.decoded && k < decoded.size(); ++n) {
        put(k++, escape.raw);
      }
      at = std::min(raw.size(), at + escape.raw);
      continue;
    }
    while (at < raw.size() && raw[at] != decoded[k] && is_white(raw[at])) {
      ++at;
    }
    const bool found = at < raw.size() && raw[at] == decoded[k];
    const std::size_t bytes = found && quote == '\'' && decoded[k] == '\'' ? 2 : 1;
    put(k++, bytes);
    at += found ? bytes : 0;
  }
  at = std::min(at, raw.size());
  put(decoded.size(), 1);
  origin.limit_ = static_cast<std::uint32_t>(raw_begin + at);
  return origin;
}

std::uint32_t TextOrigin::locate(std::size_t offset) const {
  const auto next =
      std::upper_bound(runs_.begin(), runs_.end(), offset, [](std::size_t text, const Run& run) {
        return text < run.text;
      });
  const Run& run = *std::prev(next);
  return std::min(limit_, run.origin + static_cast<std::uint32_t>(offset - run.text));
}

std::uint32_t TextOrigin::width(std::size_t offset) const {
  const auto found =
      std::lower_bound(wide_.begin(), wide_.end(), offset, [](const Wide& wide, std::size_t text) {
        return wide.text < text;
      });
  return found != wide_.end() && found->text == offset ? found->bytes : 1;
}

Span TextOrigin::span(std::size_t begin, std::size_t end) const {
  const std::uint32_t first = locate(begin);
  const std::uint32_t last =
      end > begin ? std::min(limit_, locate(end - 1) + width(end - 1)) : first;
  return {source_, first, std::max(first, last)};
}

}  // namespace dsl
