#include "runner/store/ignore.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/git_program.h"
#include "tests/support/temp_folder.h"

namespace runner {
namespace {

TEST(Ignore, TheLastMatchingPatternDecidesAndDeeperFilesWin) {
  IgnoreChain chain;
  chain.push("", IgnoreFile("*.log\n!keep.log\n/top\nbuild/\n"));
  chain.push("sub/", IgnoreFile("!*.log\nonly/\n"));

  EXPECT_TRUE(chain.ignores("a.log", false));
  EXPECT_FALSE(chain.ignores("keep.log", false));
  EXPECT_FALSE(chain.ignores("sub/a.log", false));
  EXPECT_TRUE(chain.ignores("top", false));
  EXPECT_FALSE(chain.ignores("sub/top", false));
  EXPECT_TRUE(chain.ignores("sub/build", true));
  EXPECT_FALSE(chain.ignores("sub/build", false));
  EXPECT_TRUE(chain.ignores("sub/only", true));
}

/// As a walk from the top finds out: what lies in an ignored folder is ignored.
bool is_ignored(const IgnoreChain& chain, const std::string& path) {
  for (std::size_t end = path.find('/'); end != std::string::npos; end = path.find('/', end + 1)) {
    if (chain.ignores(path.substr(0, end), true)) {
      return true;
    }
  }
  return chain.ignores(path, false);
}

// Every rule of gitignore(5) that users lean on, against the program that they know it from.
TEST(Ignore, AgreesWithGit) {
  const std::vector<std::string> patterns{
      "*.o",          "/root.txt",    "dir/",    "a/b",     "a/*/c",
      "**/deep",      "deep/**",      "x/**/z",  "!keep.o", "\\!bang",
      "\\#hash",      "# comment",    "",        "trail  ", "trail\\ ",
      "[a-c].txt",    "[!a-c].md",    "?.q",     "foo*",    "*bar",
      "f[[:digit:]]", "/a/b/",        "**/m/n",  "m/**",    "*/one",
      "**",           "!**",          "/*",      "!/src",   "sp ace",
      "a\\*b",        "z[",           "/",       "//",      "***",
      "a**b",         "**foo",        "foo**",   "/**/q",   "**/",
      "é*",           "\t",           "\\",      "x\\",     "*.tar.gz",
      "!*/",          "node_modules", ".hidden", "dir/*.c"};
  const std::vector<std::string> files{
      "a.o",      "keep.o",  "root.txt",  "s/root.txt", "dir/f",  "s/dir/f",  "a/b",
      "s/a/b",    "a/x/c",   "a/x/y/c",   "deep",       "s/deep", "deep/f",   "x/z",
      "x/y/z",    "x/y/y/z", "!bang",     "#hash",      "trail",  "trail ",   "a.txt",
      "d.txt",    "a.md",    "d.md",      "x.q",        "xy.q",   "foobar",   "rebar",
      "f7",       "fx",      "m/n",       "s/m/n",      "m/o/p",  "s/one",    "one",
      "src/f",    "sp ace",  "a*b",       "axb",        "z[",     "a/b/c",    "axxb",
      "s/axxb/f", "q",       "s/q",       "été",        "x\\",    "y.tar.gz", "s/node_modules/x",
      ".hidden",  "dir/x.c", "s/dir/x.c", "dir/s/x.c"};
  const test::TempFolder temp;
  test::git(temp.path(), "init -q");
  std::string list;
  for (const std::string& file : files) {
    list += file + '\0';
  }
  test::write_file(temp / "list", list);
  for (const std::string& pattern : patterns) {
    const std::string text = "*.o\n" + pattern + "\n";
    test::write_file(temp / ".gitignore", text);
    const std::string output =
        test::git(temp.path(), "check-ignore --no-index --stdin -z < " + temp / "list" + "; true");
    std::set<std::string> expected;
    for (std::size_t at = 0; at < output.size(); at = output.find('\0', at) + 1) {
      expected.insert(output.substr(at, output.find('\0', at) - at));
    }
    IgnoreChain chain;
    chain.push("", IgnoreFile(text));
    for (const std::string& file : files) {
      EXPECT_EQ(is_ignored(chain, file), expected.contains(file))
          << "'" << pattern << "' on '" << file << "'";
    }
  }
}

TEST(Ignore, HugeAndHostileFilesAreBounded) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) {
    text += "name-" + std::to_string(i) + "\n";
  }
  text += std::string(1 << 20, '*') + "\n";
  IgnoreChain chain;
  chain.push("", IgnoreFile(text));

  EXPECT_TRUE(chain.ignores("name-9999", false));
  EXPECT_FALSE(chain.ignores("name-19999", false));
  EXPECT_FALSE(chain.ignores("other", false));
}

}  // namespace
}  // namespace runner
