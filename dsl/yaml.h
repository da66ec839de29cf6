#pragma once

// YAML as this language takes it: 1.2 core scalars, one document, exact places, and none of the
// traps (duplicate keys, unknown tags, merge keys, unused or unknown anchors are errors; aliases
// only to finished nodes, and what they expand to is bounded). Built on the events of yaml-cpp,
// which stays in yaml.cpp. Any thread; a document is constant once parsed.
//
// A document keeps its nodes in one block, and texts as views into the source where they stand
// there as they are, so that a hundred thousand tasks cost neither time nor memory.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/findings.h"
#include "dsl/source.h"
#include "dsl/value.h"

namespace dsl {

class YamlDocument;

/// One node of a document: a number and a pointer, cheap to copy. The document must outlive it. An
/// alias looks like the node that it stands for.
class YamlValue {
 public:
  enum class Kind { Null, Scalar, List, Map };

  YamlValue() = default;  // no value: only `exists()` may be called

  [[nodiscard]] bool exists() const { return document_ != nullptr; }
  [[nodiscard]] Kind kind() const;
  /// Of a scalar the whole token, quotes included; of a list or map its first token; of a null
  /// that is not spelled out the key before it.
  [[nodiscard]] Span span() const;
  /// Scalar: the decoded text. Lives as long as the document and its source.
  [[nodiscard]] std::string_view text() const;
  /// Scalar in quotes, or a block; such a scalar is text whatever it looks like.
  [[nodiscard]] bool is_quoted() const;
  /// List: items; Map: entries.
  [[nodiscard]] std::size_t size() const;

  /// Visits items with `visit(YamlValue item)`.
  template <class Visit>
  void each_item(const Visit& visit) const;
  /// Visits entries with `visit(YamlValue key, YamlValue value)`; keys are always scalars.
  template <class Visit>
  void each_entry(const Visit& visit) const;

  /// "a list", "a map", "a number", …: what the author wrote, for messages.
  [[nodiscard]] std::string_view described() const;

  // Core schema readings of a plain scalar; nothing where it is not one.
  [[nodiscard]] std::optional<bool> boolean() const;
  [[nodiscard]] std::optional<double> number() const;
  /// A whole number that fits.
  [[nodiscard]] std::optional<std::int64_t> integer() const;

  /// The same as plain data, numbers and booleans recognised.
  [[nodiscard]] Value to_value() const;

 private:
  friend class YamlDocument;
  YamlValue(const YamlDocument& document, std::uint32_t node);
  [[nodiscard]] std::uint32_t first_child() const { return node_ + 1; }
  [[nodiscard]] std::uint32_t end() const;
  [[nodiscard]] std::uint32_t next(std::uint32_t child) const;
  [[nodiscard]] YamlValue at(std::uint32_t child) const { return {*document_, child}; }

  const YamlDocument* document_ = nullptr;
  std::uint32_t node_ = 0;
};

class YamlDocument {
 public:
  static constexpr std::size_t kMaxBytes = 64U << 20U;    // of one file
  static constexpr std::size_t kMaxDepth = 64;            // of maps and lists in each other
  static constexpr std::size_t kMaxAliasNodes = 200'000;  // that aliases add to the document

  /// Reads source number `source`, which must stay in `sources`. Mistakes go to `findings`. Nothing
  /// is returned where there is no document to go on with (no YAML at all); otherwise there is one,
  /// even if mistakes were found.
  static std::optional<YamlDocument> parse(const Sources& sources,
                                           std::uint32_t source,
                                           Findings& findings);

  [[nodiscard]] YamlValue root() const { return {*this, 0}; }

 private:
  friend class YamlValue;
  friend class YamlBuilder;

  enum class NodeKind : std::uint8_t { Null, Scalar, List, Map, Alias };

  struct Node {
    NodeKind kind = NodeKind::Null;
    bool quoted = false;
    std::uint32_t begin = 0;  // bytes of the source
    std::uint32_t end = 0;
    std::uint32_t next = 0;      // the node behind this one and all that is in it
    std::uint32_t children = 0;  // items, or entries; of an alias: its target
    std::string_view text;
  };

  std::uint32_t source_ = 0;
  std::vector<Node> nodes_;          // in order of the text, a key before its value
  std::deque<std::string> decoded_;  // texts that do not stand in the source as they are
};

template <class Visit>
void YamlValue::each_item(const Visit& visit) const {
  for (std::uint32_t child = first_child(); child != end(); child = next(child)) {
    visit(at(child));
  }
}

template <class Visit>
void YamlValue::each_entry(const Visit& visit) const {
  for (std::uint32_t key = first_child(); key != end();) {
    const std::uint32_t value = next(key);
    visit(at(key), at(value));
    key = next(value);
  }
}

}  // namespace dsl
