#include "dsl/glob.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

struct Case {
  const char* pattern;
  const char* path;
  bool matches;
};

TEST(Glob, MatchesWholePaths) {
  const Case cases[] = {
      {"a/b", "a/b", true},
      {"a/b", "a/bc", false},
      {"*.c", "x.c", true},
      {"*.c", "d/x.c", false},
      {"a/*/c", "a/b/c", true},
      {"a/*/c", "a/b/b/c", false},
      {"a/**/c", "a/c", true},
      {"a/**/c", "a/b/b/c", true},
      {"a/**/c", "ac", false},
      {"**/c", "c", true},
      {"**/c", "a/b/c", true},
      {"**/c", "a/bc", false},
      {"a/**", "a/b/c", true},
      {"a/**", "a", false},
      {"**", "a/b", true},
      {"a**b", "axxb", true},
      {"a**b", "ax/b", false},
      {"?", "a", true},
      {"?", "/", false},
      {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},
      {"[^a-c]x", "dx", true},
      {"[!a]", "/", false},
      {"[]]", "]", true},
      {"[a-]", "-", true},
      {"[", "[", true},
      {"a[b", "a[b", true},
      {"\\*", "*", true},
      {"\\*", "x", false},
      {"[[:digit:]]", "7", true},
      {"[[:upper:]]*", "Ab", true},
      {"[[:upper:]]", "a", false},
      {"[\\]]", "]", true},
      {"", "", true},
      {"", "a", false},
      {"*", "", true},
      {"a/**/**/b", "a/b", true},
      {"**/a/**", "x/a/y/z", true},
      {"**/a/**", "a", false},
      {"x*y*z", "xaybz", true},
      {"x*y*z", "xzy", false},
      {"\xff*", "\xff\xfe", true},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(Glob(test.pattern).matches(test.path), test.matches)
        << test.pattern << " on " << test.path;
  }
}

TEST(Glob, KnowsIntoWhichFoldersToLook) {
  const Case cases[] = {
      {"dist/*.js", "dist", true},
      {"dist/*.js", "src", false},
      {"**/x", "any/where", true},
      {"a/b/c", "a", true},
      {"a/b/c", "a/c", false},
      {"*.c", "d", false},
      {"a/**", "a/b", true},
      {"*/x", "d", true},
      {"*/x", "d/e", false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(Glob(test.pattern).may_match_beneath(test.path), test.matches)
        << test.pattern << " in " << test.path;
  }
}

TEST(Glob, TakesTimeByItsLengthHoweverItIsMade) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) {
    pattern += "*a**/";
  }
  const std::string path(4'000, 'a');
  EXPECT_FALSE(Glob(pattern + "b").matches(path));  // would not end if it went back
  EXPECT_FALSE(Glob(std::string(1'000, '*') + "b").matches(path));
}

TEST(GlobSet, AFolderStandsForAllThatIsInIt) {
  const GlobSet set({"./dist/", "logs/*.txt", "node_modules"});

  EXPECT_TRUE(set.matches("dist/a/b"));
  EXPECT_TRUE(set.matches("dist"));
  EXPECT_TRUE(set.matches("logs/a.txt"));
  EXPECT_FALSE(set.matches("logs/sub/a.txt"));
  EXPECT_FALSE(set.matches("sub/node_modules/x"));
  EXPECT_TRUE(set.may_match_beneath("dist/a"));
  EXPECT_FALSE(set.may_match_beneath("src"));
  EXPECT_FALSE(GlobSet().matches("a"));
  EXPECT_TRUE(GlobSet({"."}).matches("any/thing"));
}

}  // namespace
}  // namespace dsl
