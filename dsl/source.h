#pragma once

// The texts that a compilation read, and places in them. A Span is 12 bytes; line and column are
// computed only when something is printed. Any thread once filled.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace dsl {

/// Bytes [begin, end) of one source.
struct Span {
  std::uint32_t source = 0;
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const Span&) const = default;
};

/// Both 1-based; the column counts code points.
struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

class Sources {
 public:
  /// Takes over `text`; the returned number is Span::source.
  std::uint32_t add(std::string name, std::string text);

  /// How many there are; Span::source is below it.
  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  [[nodiscard]] std::string_view name(std::uint32_t source) const;
  [[nodiscard]] std::string_view text(std::uint32_t source) const;
  [[nodiscard]] Place place(std::uint32_t source, std::uint32_t offset) const;
  /// "file:line:column" of its beginning.
  [[nodiscard]] std::string text_of(const Span& span) const;
  /// The line (without its end) that holds `offset`.
  [[nodiscard]] std::string_view line_at(std::uint32_t source, std::uint32_t offset) const;

 private:
  struct Entry {
    std::string name;
    std::string text;
    std::vector<std::uint32_t> line_starts;
  };
  std::deque<Entry> entries_;  // texts stay where they are when more are added
};

}  // namespace dsl
