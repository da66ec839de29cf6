#include "dsl/source.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace dsl {

std::uint32_t Sources::add(std::string name, std::string text) {
  Entry entry{std::move(name), std::move(text), {0}};
  for (std::size_t at = entry.text.find('\n'); at != std::string::npos;
       at = entry.text.find('\n', at + 1)) {
    entry.line_starts.push_back(static_cast<std::uint32_t>(at + 1));
  }
  entries_.push_back(std::move(entry));
  return static_cast<std::uint32_t>(entries_.size() - 1);
}

std::string_view Sources::name(std::uint32_t source) const {
  return entries_.at(source).name;
}

std::string_view Sources::text(std::uint32_t source) const {
  return entries_.at(source).text;
}

Place Sources::place(std::uint32_t source, std::uint32_t offset) const {
  const Entry& entry = entries_.at(source);
  offset = std::min(offset, static_cast<std::uint32_t>(entry.text.size()));
  const auto after = std::upper_bound(entry.line_starts.begin(), entry.line_starts.end(), offset);
  const std::uint32_t start = *(after - 1);
  const auto begin = entry.text.begin() + start;
  // A code point begins at every byte that is no UTF-8 continuation byte.
  const auto points = std::count_if(begin, entry.text.begin() + offset, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  });
  return {static_cast<std::size_t>(after - entry.line_starts.begin()),
          static_cast<std::size_t>(points) + 1};
}

std::string_view Sources::line_at(std::uint32_t source, std::uint32_t offset) const {
  const Entry& entry = entries_.at(source);
  const std::size_t line = place(source, offset).line;
  const std::size_t begin = entry.line_starts[line - 1];
  std::size_t end =
      line < entry.line_starts.size() ? entry.line_starts[line] - 1 : entry.text.size();
  if (end > begin && entry.text[end - 1] == '\r') {
    --end;
  }
  return std::string_view(entry.text).substr(begin, end - begin);
}

std::string Sources::text_of(const Span& span) const {
  const Place at = place(span.source, span.begin);
  return fmt::format("{}:{}:{}", name(span.source), at.line, at.column);
}

}  // namespace dsl
