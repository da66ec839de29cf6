#include "dsl/text_origin.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace dsl {
namespace {

struct Case {
  const char* name;
  std::string_view raw;      // the scalar in its source
  std::string_view decoded;  // what YAML makes of it
  std::string_view wanted;   // a part of `decoded` …
  std::string_view found;    // … is this in the source, at its only place
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Aligns : public testing::TestWithParam<Case> {};

TEST_P(Aligns, DecodedTextWithItsSource) {
  const Case& c = GetParam();
  const std::string source = "key: " + std::string(c.raw) + "\nnext: 1\n";
  const TextOrigin origin = TextOrigin::align(7, 5, std::string_view(source).substr(5), c.decoded);
  const std::size_t begin = c.decoded.find(c.wanted);
  ASSERT_NE(begin, std::string_view::npos);
  const Span span = origin.span(begin, begin + c.wanted.size());
  EXPECT_EQ(span.source, 7u);
  EXPECT_EQ(source.substr(span.begin, span.end - span.begin), c.found);
  EXPECT_EQ(span.begin, source.find(c.found));
}

INSTANTIATE_TEST_SUITE_P(
    Styles,
    Aligns,
    testing::Values(
        Case{"plain", "make ${{ x }}", "make ${{ x }}", "${{ x }}", "${{ x }}"},
        Case{"plain over lines",
             "one\n  two\n\n  ${{ x }}",
             "one two\n${{ x }}",
             "${{ x }}",
             "${{ x }}"},
        Case{"single", "'it''s ${{ x }}'", "it's ${{ x }}", "${{ x }}", "${{ x }}"},
        Case{"single, quotes inside", "'${{ f(''a'') }}'", "${{ f('a') }}", "'a'", "''a''"},
        Case{"double", R"("a\tb ${{ x }}")", "a\tb ${{ x }}", "${{ x }}", "${{ x }}"},
        Case{"double, long escapes",
             R"("\x41\u00e9\U0001F600 ${{ x }}")",
             "Aé😀 ${{ x }}",
             "${{ x }}",
             "${{ x }}"},
        Case{"double, escaped break", "\"a\\\n   ${{ x }}\"", "a${{ x }}", "${{ x }}", "${{ x }}"},
        Case{"double, behind an escape", R"("a\"b")", "a\"b", "b", "b"},
        Case{"double, an escape", R"("a\"b")", "a\"b", "\"", "\\\""},
        Case{"double, a long escape", R"("a\u00e9b")", "aéb", "é", "\\u00e9"},
        Case{"literal",
             "|\n    make\n      ${{ x }}\n    done\n",
             "make\n  ${{ x }}\ndone\n",
             "${{ x }}",
             "${{ x }}"},
        Case{"literal with header",
             "|2- # comment\n  a\n\n  ${{ x }}",
             "a\n\n${{ x }}",
             "${{ x }}",
             "${{ x }}"},
        Case{"folded", ">\n  a\n  b\n  ${{ x }}\n", "a b ${{ x }}\n", "${{ x }}", "${{ x }}"},
        Case{"line ends of another system",
             "|\r\n  a\r\n  ${{ x }}\r\n",
             "a\n${{ x }}\n",
             "${{ x }}",
             "${{ x }}"}));

TEST(TextOrigin, StaysInsideTheSourceWhenTheTwoDoNotMatch) {
  const std::string_view raw = "abc";
  const TextOrigin origin = TextOrigin::align(0, 10, raw, "something else entirely");
  for (std::size_t k = 0; k < 23; ++k) {
    const Span span = origin.span(k, k + 5);
    EXPECT_LE(10u, span.begin);
    EXPECT_LE(span.begin, span.end);
    EXPECT_LE(span.end, 13u);
  }
}

TEST(TextOrigin, TakesATextAsItIs) {
  EXPECT_EQ(TextOrigin(3, 40).span(2, 5), (Span{3, 42, 45}));
}

}  // namespace
}  // namespace dsl
