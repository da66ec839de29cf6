#include "runner/run/flagged.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(Flagged, KnowsWhatRunsElsewhereInAnyFolderAndCase) {
  EXPECT_EQ(runs_elsewhere(".github/workflows/ci.yml"), "GitHub Actions runs it");
  EXPECT_EQ(runs_elsewhere(".GitHub/Workflows/CI.yml"), "GitHub Actions runs it");
  EXPECT_EQ(runs_elsewhere("app/.vscode/tasks.json"), "editors run what it says");
  EXPECT_EQ(runs_elsewhere("src/sub/.gitattributes"),
            "git obeys it, with the filters of who checks it out");
  EXPECT_EQ(runs_elsewhere("CLAUDE.md"), "Claude Code obeys it");
  EXPECT_EQ(runs_elsewhere("sub/CODEOWNERS"), "it says who must review");
  EXPECT_EQ(runs_elsewhere("my.code-workspace"), "editors run what it says");
}

TEST(Flagged, LeavesOrdinaryFilesAlone) {
  for (const char* const path : {"src/main.cpp",
                                 "github/workflows/ci.yml",
                                 "docs/.github.md",
                                 ".githubx/workflows/a",
                                 "vscode/tasks.json",
                                 "CLAUDE.md.txt",
                                 "my-action.yml",
                                 ".gitignore",
                                 "a"}) {
    EXPECT_EQ(runs_elsewhere(path), "") << path;
  }
}

TEST(Flagged, ANameThatDoesNotShowWhatItIsIsDeceptive) {
  EXPECT_FALSE(is_deceptive("dir/na\u00efve-\u65e5\u672c.txt"));
  EXPECT_TRUE(is_deceptive("a\nb"));
  EXPECT_TRUE(is_deceptive("a\x1b[2Jb"));
  EXPECT_TRUE(is_deceptive("safe\u202egpj.exe"));
  EXPECT_TRUE(is_deceptive(".gi\u200dt"));
  EXPECT_TRUE(is_deceptive("a\xff"));
  EXPECT_TRUE(is_deceptive("cut\xe2\x80"));
}

TEST(Flagged, ALinkLeadsOutWhereItsWordsDo) {
  EXPECT_TRUE(leads_out("a", "/etc/passwd"));
  EXPECT_TRUE(leads_out("a", "../x"));
  EXPECT_TRUE(leads_out("dir/a", "../../x"));
  EXPECT_TRUE(leads_out("dir/a", "x/../../../y"));
  EXPECT_FALSE(leads_out("dir/a", "../x"));
  EXPECT_FALSE(leads_out("a", "b/../c/./d"));
  EXPECT_FALSE(leads_out("dir/sub/a", "../../x"));
}

TEST(Flagged, SaysEachReasonOnce) {
  EXPECT_EQ(flagged_text({{"a", "x runs it"}, {"b", "y runs it"}, {"c", "x runs it"}}),
            "'a', 'c': x runs it; 'b': y runs it");
  EXPECT_EQ(flagged_text({{"two\nlines", "odd"}}).find('\n'), std::string::npos);
}

}  // namespace
}  // namespace runner
