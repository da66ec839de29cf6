#include "dsl/value.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

TEST(Value, IsReadFromJsonAndWrittenBack) {
  for (const std::string_view text : {"null",
                                      "true",
                                      "-12",
                                      "0.5",
                                      R"("a\"b\n")",
                                      "[]",
                                      "{}",
                                      R"({"z":1,"a":[true,null,{"b":"c"}]})",
                                      "9007199254740991"}) {
    const auto value = value_from_json(text);
    ASSERT_TRUE(value) << text;
    EXPECT_EQ(to_json(*value), text);
  }
}

TEST(Value, RefusesWhatIsNoJson) {
  for (const std::string_view text :
       {"", "{", "[1,]", "nul", "1 2", "'a'", "\"\xff\"", R"({"a":1,"a":2})"}) {
    EXPECT_FALSE(value_from_json(text)) << text;
  }
}

TEST(Value, RefusesDeepNestingWithoutRecursion) {
  EXPECT_TRUE(value_from_json(std::string(64, '[') + std::string(64, ']')));
  const auto deep = value_from_json(std::string(100'000, '[') + std::string(100'000, ']'));
  ASSERT_FALSE(deep);
  EXPECT_EQ(deep.error().message, "nested deeper than 64 levels");
}

TEST(Value, BecomesTextAsInsideASentence) {
  EXPECT_EQ(to_text(Value()), "");
  EXPECT_EQ(to_text(Value(true)), "true");
  EXPECT_EQ(to_text(Value(3.0)), "3");
  EXPECT_EQ(to_text(Value(1e20)), "1e+20");
  EXPECT_EQ(to_text(Value("plain \"text\"")), "plain \"text\"");
  EXPECT_EQ(to_text(Value(Value::List{Value(1.0), Value("a")})), R"([1,"a"])");
}

TEST(Value, ThatIsNoUtf8StaysValidJson) {
  EXPECT_TRUE(value_from_json(to_json(Value("a\xff"))));
}

TEST(Value, FindsMembers) {
  const Value record = *value_from_json(R"({"a":1})");
  ASSERT_NE(record.find("a"), nullptr);
  EXPECT_EQ(*record.find("a"), Value(1.0));
  EXPECT_EQ(record.find("b"), nullptr);
  EXPECT_EQ(Value(1.0).find("a"), nullptr);
}

}  // namespace
}  // namespace dsl
