#include "dsl/render.h"

#include <gtest/gtest.h>

#include "dsl/value.h"

namespace dsl {
namespace {

Diagnostic mistake(const Span& span) {
  return {Diagnostic::Severity::Error, "P0201", span, "unknown key 'x'", "remove it", {}};
}

TEST(Render, PutsACaretUnderTheSpan) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "one: 1\ntwo: x\n");
  EXPECT_EQ(render_text(mistake({file, 12, 13}), sources, Colour::Never),
            R"(error[P0201]: unknown key 'x'
 --> p.yaml:2:6
  |
2 | two: x
  |      ^
help: remove it
)");
}

TEST(Render, CountsCodePointsNotBytes) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "größe: ß\n");
  EXPECT_EQ(render_text(mistake({file, 9, 11}), sources, Colour::Never),
            R"(error[P0201]: unknown key 'x'
 --> p.yaml:1:8
  |
1 | größe: ß
  |        ^
help: remove it
)");
}

TEST(Render, ShowsNotesWithTheirOwnPlace) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "a: 1\nb: 2\na: 3\n");
  Diagnostic diagnostic = mistake({file, 10, 11});
  diagnostic.notes = {{{file, 0, 1}, "first written here"}};
  EXPECT_EQ(render_text(diagnostic, sources, Colour::Never),
            R"(error[P0201]: unknown key 'x'
 --> p.yaml:3:1
  |
3 | a: 3
  | ^
note: first written here
 --> p.yaml:1:1
  |
1 | a: 1
  | ^
help: remove it
)");
}

TEST(Render, EndsTheCaretWithTheLine) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "run: |\r\n  make\r\n");
  const std::string text = render_text(mistake({file, 5, 16}), sources, Colour::Never);
  EXPECT_NE(text.find("1 | run: |\n  |      ^\n"), std::string::npos) << text;
}

TEST(Render, PointsBehindTheEndOfAnEmptyFile) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "");
  EXPECT_NE(render_text(mistake({file, 0, 0}), sources, Colour::Never).find("p.yaml:1:1"),
            std::string::npos);
}

// An escape sequence in a file must not reach the terminal, nor text that is written backwards.
TEST(Render, ShowsControlCharactersAsEscapes) {
  Sources sources;
  const std::uint32_t file = sources.add("p\x1b[2J.yaml", "a: \x1b[31m\xe2\x80\xae\x7f\xff b\n");
  Diagnostic diagnostic = mistake({file, 3, 4});
  diagnostic.message = "odd \x07 message";
  const std::string text = render_text(diagnostic, sources, Colour::Never);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("p\\x1b[2J.yaml:1:4"), std::string::npos) << text;
  EXPECT_NE(text.find("a: \\x1b[31m\\u202e\\x7f\\xff b"), std::string::npos) << text;
  EXPECT_NE(text.find("\n  |    ^~~~\n"), std::string::npos) << text;
  EXPECT_NE(text.find("odd \\x07 message"), std::string::npos) << text;
}

TEST(Render, CutsLongLinesRoundTheCaret) {
  Sources sources;
  const std::string blanks(5'000'000, ' ');
  const std::uint32_t file = sources.add("p.yaml", "a: " + blanks + "here" + blanks);
  const std::string text =
      render_text(mistake({file, 5'000'003, 5'000'007}), sources, Colour::Never);
  EXPECT_LT(text.size(), 500U);
  EXPECT_NE(text.find("here"), std::string::npos);
}

TEST(Render, UsesColourOnlyWhenAsked) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "a: 1\n");
  EXPECT_NE(render_text(mistake({file, 0, 1}), sources, Colour::Always).find("\x1b[1;31m"),
            std::string::npos);
}

TEST(Render, CountsWhatItDoesNotShow) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "a: 1\n");
  Diagnostic warning = mistake({file, 0, 1});
  warning.severity = Diagnostic::Severity::Warning;
  const std::vector<Diagnostic> diagnostics = {
      mistake({file, 0, 1}), mistake({file, 1, 2}), warning};
  const std::string text = render_text(diagnostics, sources, Colour::Never, 1);
  EXPECT_EQ(text.substr(text.rfind('\n', text.size() - 2) + 1),
            "2 errors, 1 warning (the first 1 are shown)\n");
  EXPECT_EQ(render_text(std::vector<Diagnostic>{}, sources, Colour::Never), "");
}

TEST(Render, GivesProgramsTheSameAsJson) {
  Sources sources;
  const std::uint32_t file = sources.add("p.yaml", "a: 1\nb: \xff\n");
  Diagnostic diagnostic = mistake({file, 5, 6});
  diagnostic.notes = {{{file, 0, 1}, "see here"}};
  const auto document = value_from_json(render_json({diagnostic}, sources));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(to_json(*document),
            R"({"diagnostics":[{"severity":"error","code":"P0201","message":"unknown key 'x'",)"
            R"("remedy":"remove it","file":"p.yaml","line":2,"column":1,"end_line":2,)"
            R"("end_column":2,"notes":[{"message":"see here","file":"p.yaml","line":1,"column":1,)"
            R"("end_line":1,"end_column":2}]}]})");
}

TEST(Visible, CutsLongNamesAtACodePoint) {
  std::string name;
  for (int i = 0; i < 100; ++i) {
    name += "ü";
  }
  EXPECT_EQ(dsl::quoted(name).size(), 2 + 60 * 2 + std::string("…").size());
  EXPECT_EQ(dsl::quoted("a\nb"), "'a\\nb'");
}

}  // namespace
}  // namespace dsl
