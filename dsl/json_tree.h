#pragma once

// A JSON text as nodes in one block of 16 bytes each, texts as views into it where they stand there
// as they are: what reads large documents of a known shape (plans, requests to models) costs no
// allocation a value.
// Built on the events of Boost.JSON, which stays in json_tree.cpp. Any thread; constant once
// parsed; linear.

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"

namespace dsl {

class JsonTree;

/// One node of a tree, or the end of a list or record: a number and a pointer, cheap to copy. The
/// tree and its text must outlive it.
class JsonNode {
 public:
  enum class Kind : std::uint8_t {
    Null,
    False,
    True,
    Integer,
    LargeInteger,  // that fits into 64 bits without a sign only
    Number,
    Text,
    List,
    Record  // its nodes are keys (Text), each before its value
  };

  [[nodiscard]] Kind kind() const;
  [[nodiscard]] std::string_view text() const;       // of a Text
  [[nodiscard]] std::int64_t integer() const;        // of an Integer
  [[nodiscard]] double number() const;               // of an Integer, LargeInteger or Number
  [[nodiscard]] std::size_t size() const;            // of a List or Record: items or fields
  [[nodiscard]] std::string_view described() const;  // "null", "a number", "a record", …

  // for (JsonNode item = list.first(); item != list.end(); item = item.behind())
  [[nodiscard]] JsonNode first() const;
  [[nodiscard]] JsonNode end() const;
  /// What follows this node and all that is in it.
  [[nodiscard]] JsonNode behind() const { return end(); }
  bool operator==(const JsonNode&) const = default;

 private:
  friend class JsonTree;
  JsonNode(const JsonTree* tree, std::uint32_t number) : tree_(tree), number_(number) {}

  const JsonTree* tree_;
  std::uint32_t number_;
};

class JsonTree {
 public:
  /// `text` is borrowed for the life of the tree. An Error says of `what` ("the plan") at which
  /// byte it is no JSON, that it is nested more than `max_depth` levels deep, or that a number is
  /// larger than any double.
  static Result<JsonTree> parse(std::string_view text,
                                std::size_t max_depth,
                                std::string_view what);

  [[nodiscard]] JsonNode root() const { return {this, 0}; }

 private:
  friend class JsonNode;
  friend class JsonTreeBuilder;

  struct Node {
    JsonNode::Kind kind = JsonNode::Kind::Null;
    bool is_decoded = false;  // a Text that stands in decoded_, not in text_
    std::uint32_t next = 0;   // the node behind this one and all that is in it
    /// The integer or the double's bits, a text's place in the upper and size in the lower half, or
    /// how many items or fields there are.
    std::uint64_t bits = 0;
  };

  std::string_view text_;
  std::string decoded_;  // texts that had escapes, one behind the other
  std::vector<Node> nodes_;
};

}  // namespace dsl
