#include <string>
#include <string_view>
#include <variant>

#include <gtest/gtest.h>

#include "dsl/expression_tree.h"

namespace dsl {
namespace {

struct Mistake {
  const char* expression;
  const char* marks;  // '^' under what the span covers; none: the end
  const char* code;
  const char* message;
};

void PrintTo(const Mistake& m, std::ostream* out) {
  *out << m.expression;
}

class Refuses : public testing::TestWithParam<Mistake> {};

TEST_P(Refuses, WithPlaceAndReason) {
  const Mistake& expected = GetParam();
  const auto parsed = parse_expression(expected.expression);
  ASSERT_TRUE(std::holds_alternative<SyntaxError>(parsed));
  const auto& error = std::get<SyntaxError>(parsed);
  std::string marks(error.range.begin, ' ');
  marks.append(error.range.end - error.range.begin, '^');
  EXPECT_EQ(marks, expected.marks);
  EXPECT_EQ(error.code, expected.code);
  EXPECT_EQ(error.message, expected.message);
}

INSTANTIATE_TEST_SUITE_P(
    Mistakes,
    Refuses,
    testing::Values(
        Mistake{"", "", "P0702", "the expression is empty"},
        Mistake{"  ", "^^", "P0702", "the expression is empty"},
        Mistake{"a ==", "    ", "P0703", "the expression ends where a value should be"},
        Mistake{
            "a b", "  ^", "P0703", "expected an operator or the end of the expression, found 'b'"},
        Mistake{"a and b",
                "  ^^^",
                "P0703",
                "expected an operator or the end of the expression, found 'and'"},
        Mistake{"a = b", "  ^", "P0703", "'=' is no operator of an expression"},
        Mistake{"a | upper", "  ^", "P0703", "'|' is no operator of an expression"},
        Mistake{"a & b", "  ^", "P0703", "'&' is no operator of an expression"},
        Mistake{"a + b", "  ^", "P0703", "expressions do not add"},
        Mistake{"a / b", "  ^", "P0703", "expressions do not calculate"},
        Mistake{"a == \"b\"", "     ^", "P0703", "an expression's strings stand in single quotes"},
        Mistake{"a ? b : c", "  ^", "P0703", "'?' has no meaning in an expression"},
        Mistake{"a == é", "     ^^", "P0703", "'é' has no meaning in an expression"},
        Mistake{"a == 'b", "     ^^", "P0704", "the string that starts here has no end"},
        Mistake{"12abc", "^^^^^", "P0705", "'12abc' is no number"},
        Mistake{"0x", "^^", "P0705", "'0x' is no number"},
        Mistake{"1e999", "^^^^^", "P0705", "'1e999' is no number"},
        Mistake{"1.2.3", "^^^^^", "P0705", "'1.2.3' is no number"},
        Mistake{"(a", "  ", "P0703", "the expression ends where ')' should be"},
        Mistake{
            "a)", " ^", "P0703", "expected an operator or the end of the expression, found ')'"},
        Mistake{"a[1", "   ", "P0703", "the expression ends where ']' should be"},
        Mistake{"a.", "  ", "P0703", "the expression ends where a name after '.' should be"},
        Mistake{"a.'b'", "  ^^^", "P0703", "expected a name after '.', found ''b''"},
        Mistake{"f(a b)", "    ^", "P0703", "expected ',' or ')', found 'b'"},
        Mistake{"f(a,)", "    ^", "P0703", "expected a value, found ')'"},
        Mistake{"a.*.b", "  ^", "P0722", "'.*' and '[*]' filters are not part of our expressions"},
        Mistake{"a[*]", "  ^", "P0722", "'.*' and '[*]' filters are not part of our expressions"}));

std::string repeated(std::string_view text, int times) {
  std::string result;
  for (int k = 0; k < times; ++k) {
    result += text;
  }
  return result;
}

std::string code_of(const std::string& expression) {
  const auto parsed = parse_expression(expression);
  const auto* error = std::get_if<SyntaxError>(&parsed);
  return error == nullptr ? "" : error->code;
}

TEST(Parser, BoundsEveryKindOfNesting) {
  for (const char* open : {"(", "!", "a[", "f(", "f(!(", "a[!f("}) {
    EXPECT_EQ(code_of(repeated(open, 10'000)), "P0706") << open;
  }
  EXPECT_EQ(code_of("a" + repeated(".b", 10'000)), "P0706");
  EXPECT_EQ(code_of("1" + repeated(" == 1", 10'000)), "P0706");
  EXPECT_EQ(code_of(repeated("(", 64) + "1" + repeated(")", 64)), "");
  EXPECT_EQ(code_of("a" + repeated(".b", 63)), "");
}

TEST(Parser, TakesLongChainsOfAndAndOr) {
  EXPECT_EQ(code_of("a" + repeated(" && b || c", 6'000)), "");
}

TEST(Parser, BoundsTheLength) {
  EXPECT_EQ(code_of("'" + std::string(70'000, 'x') + "'"), "P0707");
}

}  // namespace
}  // namespace dsl
