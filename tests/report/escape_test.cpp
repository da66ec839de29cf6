#include "runner/report/escape.h"

#include <gtest/gtest.h>

namespace runner::report {
namespace {

TEST(Escape, PlainTextStaysAsItIs) {
  EXPECT_EQ(one_line("ok: 3 of 3 passed, größer als 日本 🎉"),
            "ok: 3 of 3 passed, größer als 日本 🎉");
}

TEST(Escape, NothingMovesTheCursorOrClearsTheScreen) {
  EXPECT_EQ(one_line("a\x1b[2Jb\x1b[1;1Hc\x1b[?1049hd"), "abcd");
}

TEST(Escape, NoTitleIsSetAndNoClipboardWritten) {
  EXPECT_EQ(one_line("a\x1b]0;owned\x07"
                     "b\x1b]52;c;ZXZpbA==\x1b\\c\x1bPq#0\x1b\\d"),
            "abcd");
}

TEST(Escape, AnUnclosedControlStringDoesNotSwallowTheNextLine) {
  EXPECT_EQ(lines("a\x1b]0;never closed\nb"), "a\nb");
}

TEST(Escape, ControlCharactersBecomeVisible) {
  EXPECT_EQ(one_line(std::string_view("a\0b\x07"
                                      "c\x7f",
                                      6)),
            "a\uFFFDb\uFFFDc\uFFFD");
}

TEST(Escape, C1ControlsAreNoEscapeEither) {
  EXPECT_EQ(one_line("a\xC2\x9B"
                     "31mb"),
            "a\uFFFD31mb");
}

TEST(Escape, TextIsNotTurnedRound) {
  EXPECT_EQ(one_line("user\u202Etxt.exe"), "user\uFFFDtxt.exe");
}

TEST(Escape, InvalidUtf8BecomesReplacementCharacters) {
  EXPECT_EQ(one_line("a\xFF\xC3(b\xE2\x82"), "a\uFFFD\uFFFD(b\uFFFD\uFFFD");
}

TEST(Escape, ProgressThatOverwritesItselfShowsItsLastState) {
  EXPECT_EQ(one_line("10%\r55%\r100%\r\n"), "100%");
  EXPECT_EQ(lines("first\n10%\r20%\nlast\r\n"), "first\n20%\nlast");
}

TEST(Escape, ALineFeedDoesNotMakeTwoLines) {
  EXPECT_EQ(one_line("a\nb"), "a\uFFFDb");
}

TEST(Escape, ColoursStayOnRequestAndDoNotLeak) {
  EXPECT_EQ(one_line("\x1b[31mred", Sgr::Keep), "\x1b[31mred\x1b[0m");
  EXPECT_EQ(one_line("\x1b[31mred\x1b[0m plain\x1b[2K", Sgr::Keep), "\x1b[31mred\x1b[0m plain");
  EXPECT_EQ(one_line("\x1b[31mred\x1b[0m"), "red");
}

}  // namespace
}  // namespace runner::report
