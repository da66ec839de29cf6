#include "runner/report/columns.h"

#include <gtest/gtest.h>

namespace runner::report {
namespace {

TEST(Columns, CountsWhatATerminalShows) {
  EXPECT_EQ(columns("abc"), 3U);
  EXPECT_EQ(columns("größe"), 5U);
  EXPECT_EQ(columns("日本"), 4U);
  EXPECT_EQ(columns("🎉"), 2U);
  EXPECT_EQ(columns("e\u0301"), 1U);
  EXPECT_EQ(columns("\x1b[31mred\x1b[0m"), 3U);
}

TEST(Columns, CutNeverExceedsTheWidth) {
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("日本語", 4), "日…");
  EXPECT_EQ(cut("abcdef", 1), "…");
  EXPECT_EQ(cut("abcdef", 0), "");
}

TEST(Columns, CutResetsAColourThatIsOn) {
  EXPECT_EQ(cut("\x1b[31mabcdef\x1b[0m", 4), "\x1b[31mabc…\x1b[0m");
  EXPECT_EQ(cut("\x1b[31mab\x1b[0mcdef", 4), "\x1b[31mab\x1b[0mc…");
}

TEST(Columns, CutMiddleKeepsBothEnds) {
  EXPECT_EQ(cut_middle("implement / refresh", 19), "implement / refresh");
  EXPECT_EQ(cut_middle("implement / refresh", 11), "imple…fresh");
}

TEST(Columns, PaddingCountsColumnsNotBytes) {
  EXPECT_EQ(padded("größe", 7), "größe  ");
  EXPECT_EQ(padded("日本", 5), "日本 ");
  EXPECT_EQ(padded("too long", 3), "too long");
}

}  // namespace
}  // namespace runner::report
