#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "dsl/expression.h"
#include "dsl/expression_tree.h"

namespace dsl {
namespace {

Value json(std::string_view text) {
  Result<Value> value = value_from_json(text);
  EXPECT_TRUE(value) << text;
  return value ? *value : Value();
}

Scope scope() {
  Scope result;
  result.contexts = std::get<Value::Record>(json(R"({
    "env": {"HOME": "/home/me", "empty": ""},
    "item": {"name": "lib", "size": 3},
    "needs": {"build": {"result": "success",
                        "outputs": {"list": ["a", "B", 3], "count": 2, "dashed-name": "d"}}},
    "run": {"id": "calm-otter", "attempt": 1}})")
                                                .held);
  result.hash_files = [](const std::vector<std::string>& patterns) -> Result<std::string> {
    return "digest of " + std::to_string(patterns.size());
  };
  return result;
}

struct Case {
  const char* expression;
  const char* json;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.expression;
}

class Evaluates : public testing::TestWithParam<Case> {};

TEST_P(Evaluates, LikeGitHub) {
  const Result<Value> value = evaluate(GetParam().expression, scope());
  ASSERT_TRUE(value) << value.error().message;
  EXPECT_EQ(to_json(*value), GetParam().json);
}

INSTANTIATE_TEST_SUITE_P(Literals,
                         Evaluates,
                         testing::Values(Case{"null", "null"},
                                         Case{"true", "true"},
                                         Case{"-1.5", "-1.5"},
                                         Case{"0xff", "255"},
                                         Case{"0o17", "15"},
                                         Case{"2.5e3", "2500"},
                                         Case{"-2.99e-2", "-0.0299"},
                                         Case{".5", "0.5"},
                                         Case{"'it''s'", R"("it's")"},
                                         Case{"''", R"("")"}));

INSTANTIATE_TEST_SUITE_P(Operators,
                         Evaluates,
                         testing::Values(Case{"!true", "false"},
                                         Case{"!!'x'", "true"},
                                         Case{"1 < 2", "true"},
                                         Case{"2 <= 2 && 3 >= 4", "false"},
                                         Case{"'a' < 'B'", "true"},
                                         Case{"1 < 2 == true", "true"},
                                         Case{"true || false && false", "true"},
                                         Case{"(true || false) && false", "false"},
                                         Case{"'' || 'other'", R"("other")"},
                                         Case{"'first' && 0", "0"},
                                         Case{"'Main' == 'mAIN'", "true"},
                                         Case{"'a' != 'b'", "true"},
                                         Case{"null == 0", "true"},
                                         Case{"null == ''", "true"},
                                         Case{"env.empty == null", "true"},
                                         Case{"true == 1", "true"},
                                         Case{"'1' == 1", "true"},
                                         Case{"' 0x10 ' == 16", "true"},
                                         Case{"'abc' == 0", "false"},
                                         Case{"'abc' != 0", "true"},
                                         Case{"'abc' < 1 || 'abc' >= 1", "false"},
                                         Case{"fromJSON('[1]') == fromJSON('[1]')", "true"},
                                         Case{"fromJSON('[1]') == 1", "false"}));

INSTANTIATE_TEST_SUITE_P(Paths,
                         Evaluates,
                         testing::Values(Case{"env.HOME", R"("/home/me")"},
                                         Case{"env['HOME']", R"("/home/me")"},
                                         Case{"env.NONE", "null"},
                                         Case{"none.at.all", "null"},
                                         Case{"item.size", "3"},
                                         Case{"needs.build.outputs.dashed-name", R"("d")"},
                                         Case{"needs.build.outputs.list[1]", R"("B")"},
                                         Case{"needs.build.outputs.list['1']", R"("B")"},
                                         Case{"needs.build.outputs.list[1.9]", R"("B")"},
                                         Case{"needs.build.outputs.list[3]", "null"},
                                         Case{"needs.build.outputs.list[-1]", "null"},
                                         Case{"needs['bui' ][0]", "null"},
                                         Case{"needs[format('{0}', 'build')].result",
                                              R"("success")"},
                                         Case{"fromJSON('{\"a\":{\"b\":[7]}}').a.b[0]", "7"},
                                         Case{"(item).name", R"("lib")"}));

INSTANTIATE_TEST_SUITE_P(
    Functions,
    Evaluates,
    testing::Values(Case{"contains('Hello', 'LL')", "true"},
                    Case{"contains('Hello', '')", "true"},
                    Case{"contains(needs.build.outputs.list, 'b')", "true"},
                    Case{"contains(needs.build.outputs.list, '3')", "true"},
                    Case{"contains(needs.build.outputs.list, 'c')", "false"},
                    Case{"startsWith('refs/Heads', 'REFS/')", "true"},
                    Case{"startsWith('a', 'ab')", "false"},
                    Case{"ENDSWITH('main.YAML', '.yaml')", "true"},
                    Case{"format('{0}-{1}-{0}', 'a', 2)", R"("a-2-a")"},
                    Case{"format('{{0}} {0}', true)", R"("{0} true")"},
                    Case{"format('{0}', '{1}')", R"("{1}")"},
                    Case{"join(needs.build.outputs.list)", R"("a,B,3")"},
                    Case{"join(needs.build.outputs.list, ' - ')", R"("a - B - 3")"},
                    Case{"join('one', '-')", R"("one")"},
                    Case{"toJSON(item)", R"("{\"name\":\"lib\",\"size\":3}")"},
                    Case{"fromJSON('[1, {\"a\": null}]')", R"([1,{"a":null}])"},
                    Case{"hashFiles('**/*.c', 'Makefile')", R"("digest of 2")"},
                    Case{"success()", "true"},
                    Case{"failure() || cancelled()", "false"},
                    Case{"always()", "true"}));

TEST(Evaluate, DoesNotLookAtWhatIsDecidedAlready) {
  const Result<Value> value = evaluate("true || fromJSON('broken')", scope());
  ASSERT_TRUE(value);
  EXPECT_EQ(to_json(*value), "true");
}

TEST(Evaluate, TellsStatusOfTheNeeds) {
  Scope failed = scope();
  failed.any_need_failed = true;
  EXPECT_TRUE(*evaluate_condition("failure() && !success() && always()", failed));
  Scope cancelled = scope();
  cancelled.cancelled = true;
  EXPECT_TRUE(*evaluate_condition("cancelled() && !success() && !failure()", cancelled));
}

struct BadCase {
  const char* expression;
  const char* message;
};

void PrintTo(const BadCase& c, std::ostream* out) {
  *out << c.expression;
}

class Reports : public testing::TestWithParam<BadCase> {};

TEST_P(Reports, WhatCheckingCannotSee) {
  const Result<Value> value = evaluate(GetParam().expression, scope());
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Values,
    Reports,
    testing::Values(
        BadCase{"format('{1}', 0)",
                "'format('{1}', 0)': format() has no value for '{1}', it was given 1"},
        BadCase{"format('{x}', 0)", "'format('{x}', 0)': '{x}' is no place of format()"},
        BadCase{"format('a } b')", "'format('a } b')': a single '}' in the text of format()"},
        BadCase{"format('a { b')", "'format('a { b')': a single '{' in the text of format()"},
        BadCase{"contains('a')", "'contains('a')': no function 'contains' with 1 values"},
        BadCase{"1 +", "'1 +': expressions do not add"}));

TEST(Evaluate, ReportsTextThatIsNoJson) {
  const Result<Value> value = evaluate("fromJSON(env.HOME)", scope());
  ASSERT_FALSE(value);
  EXPECT_TRUE(value.error().message.starts_with("'fromJSON(env.HOME)': fromJSON: "))
      << value.error().message;
}

TEST(Evaluate, DoesNotLetTextsGrowWithoutEnd) {
  std::string text = "env.HOME";
  for (int k = 0; k < 12; ++k) {
    text = "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', " + text + ")";
  }
  const Result<Value> value = evaluate(text, scope());
  ASSERT_FALSE(value);
  EXPECT_TRUE(value.error().message.ends_with("the texts of this expression grow beyond 16 MiB"));
}

TEST(Render, FillsHolesAndLeavesLiteralsAlone) {
  Template text;
  text.pieces = {{Template::Piece::Kind::Literal, "${{ env.HOME }} is "},
                 {Template::Piece::Kind::Expression, "env.HOME"},
                 {Template::Piece::Kind::Literal, ", "},
                 {Template::Piece::Kind::Expression, "null"},
                 {Template::Piece::Kind::Expression, "needs.build.outputs.list"}};
  EXPECT_EQ(*render(text, scope()), "${{ env.HOME }} is /home/me, [\"a\",\"B\",3]");
  EXPECT_EQ(*render(Template(), scope()), "");
}

TEST(LiteralExpression, ReadsBackAsTheSameValue) {
  for (const char* text : {"null",
                           "true",
                           "-0.0299",
                           "9007199254740993",
                           "1e+300",
                           "\"it's\\n{0}\"",
                           "[1,\"it's\",null]",
                           "{\"a\":{\"b\":[]}}"}) {
    const Value value = json(text);
    const Result<Value> again = evaluate(literal_expression(value), Scope{});
    ASSERT_TRUE(again) << text << ": " << again.error().message;
    EXPECT_EQ(*again, value) << text;
  }
}

}  // namespace
}  // namespace dsl
