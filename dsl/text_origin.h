#pragma once

// Where the bytes of a decoded YAML scalar stand in the file, so that a mistake inside a block or
// an escaped string still gets its exact span. Any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "dsl/source.h"

namespace dsl {

class TextOrigin {
 public:
  /// The text stands in the source as it is, from byte `begin` on (plain one-line scalars, tests).
  TextOrigin(std::uint32_t source, std::size_t begin);

  /// `decoded` is what YAML made of `raw`, the source's bytes from `raw_begin` on: the scalar with
  /// its quotes or its `|` line; it may go on behind the scalar. Every style; linear. Where the two
  /// cannot be brought together, spans point at the nearest byte before.
  static TextOrigin align(std::uint32_t source,
                          std::size_t raw_begin,
                          std::string_view raw,
                          std::string_view decoded);

  /// The span of the decoded text's bytes [begin, end); always inside what was given to `align`.
  [[nodiscard]] Span span(std::size_t begin, std::size_t end) const;

 private:
  // From `text` on, byte k of the decoded text stands at `origin + (k - text)`, until the next run.
  struct Run {
    std::uint32_t text;
    std::uint32_t origin;
  };

  // Byte `text` of the decoded text is written as `bytes` of the source (an escape, a doubled
  // quote).
  struct Wide {
    std::uint32_t text;
    std::uint32_t bytes;
  };

  [[nodiscard]] std::uint32_t locate(std::size_t offset) const;
  [[nodiscard]] std::uint32_t width(std::size_t offset) const;

  std::uint32_t source_;
  std::uint32_t limit_;     // no span ends beyond it
  std::vector<Run> runs_;   // sorted by `text`, the first is at 0
  std::vector<Wide> wide_;  // sorted by `text`; all others are one byte wide
};

}  // namespace dsl
