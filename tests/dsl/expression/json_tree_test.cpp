#include "dsl/json_tree.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace dsl {
namespace {

/// A node and what is in it, in a notation that tells the kinds apart.
std::string shown(JsonNode node) {
  switch (node.kind()) {
    case JsonNode::Kind::Null:
    case JsonNode::Kind::False:
    case JsonNode::Kind::True:
      return node.kind() == JsonNode::Kind::True ? "true" : std::string(node.described());
    case JsonNode::Kind::Integer:
      return fmt::format("int {}", node.integer());
    case JsonNode::Kind::LargeInteger:
      return fmt::format("large {}", node.number());
    case JsonNode::Kind::Number:
      return fmt::format("number {}", node.number());
    case JsonNode::Kind::Text:
      return fmt::format("'{}'", node.text());
    case JsonNode::Kind::List:
    case JsonNode::Kind::Record:
      break;
  }
  std::string all = fmt::format("{}(", node.size());
  for (JsonNode item = node.first(); item != node.end(); item = item.behind()) {
    all += shown(item) + ";";
  }
  return all + ")";
}

std::string read(const std::string& text) {
  const Result<JsonTree> tree = JsonTree::parse(text, 10, "it");
  return tree ? shown(tree->root()) : tree.error().message;
}

TEST(JsonTree, HoldsEveryKindOfValueInOrder) {
  EXPECT_EQ(read(R"( {"b": [], "a": [true, null, -7, 18446744073709551615, 0.5, {}]} )"),
            "2('b';0();'a';6(true;null;int -7;large 1.8446744073709552e+19;number 0.5;0(););)");
}

TEST(JsonTree, DecodesEscapesInTextsAndKeys) {
  EXPECT_EQ(read(R"(["a\"b\\\n\u00e9\ud83d\ude00", {"\u0041\/": ""}, "plain"])"),
            "3('a\"b\\\n\u00e9\U0001F600';1('A/';'';);'plain';)");
}

TEST(JsonTree, ReadsTextsOfAnyLength) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 255U, 256U, 4095U, 4096U, 4097U, 100'000U}) {
    const std::string text(size, 'x');
    EXPECT_EQ(read("[\"" + text + "\"]"), "1('" + text + "';)") << size;
    EXPECT_EQ(read("[\"" + text + "\\t" + text + "\"]"), "1('" + text + "\t" + text + "';)")
        << size;
  }
}

// The library itself may be off by the last bit.
TEST(JsonTree, ReadsNumbersExactly) {
  for (const double number : {0.1,
                              1.0 / 3,
                              1e-320,
                              1.7976931348623157e308,
                              9007199254740993.5,
                              -123456.789e-30,
                              5e-324,
                              3.14159265358979323846}) {
    const std::string text = fmt::format("[{:.20g}]", number);
    const Result<JsonTree> tree = JsonTree::parse(text, 10, "it");
    ASSERT_TRUE(tree) << text;
    EXPECT_EQ(tree->root().first().number(), number) << text;
  }
  EXPECT_EQ(read("[1e-999]"), "1(number 0;)");
  EXPECT_EQ(read("[1e999]"), "it is no JSON that can be read: a number in it is too large");
}

TEST(JsonTree, SaysWhereATextIsNoJson) {
  EXPECT_EQ(read("[1, 2"), "it is no JSON: something is wrong at byte 6");
  EXPECT_EQ(read("[1, x]"), "it is no JSON: something is wrong at byte 5");
  EXPECT_EQ(read("[1] 2"), "it is no JSON: something is wrong at byte 5");
  EXPECT_EQ(read("[1,]"), "it is no JSON: something is wrong at byte 4");
  EXPECT_EQ(read("[\"\xff\"]"), "it is no JSON: something is wrong at byte 3");
  EXPECT_EQ(read("[\"\\ud800\"]").substr(0, 13), "it is no JSON");
  EXPECT_EQ(read(""), "it is no JSON: something is wrong at byte 1");
}

TEST(JsonTree, BoundsTheDepth) {
  EXPECT_EQ(read("[[[[[[[[[[]]]]]]]]]]"), "1(1(1(1(1(1(1(1(1(0();););););););););)");
  EXPECT_EQ(read("[[[[[[[[[[[]]]]]]]]]]]"), "it is nested more than 10 levels deep");
}

}  // namespace
}  // namespace dsl
