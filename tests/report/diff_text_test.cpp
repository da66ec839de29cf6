#include "runner/report/diff_text.h"

#include <gtest/gtest.h>

#include "runner/report/escape.h"

namespace runner::report {
namespace {

using dsl::Colour;
using git::Entry;
using git::FileChange;
using git::Kind;
using git::Objects;

FileChange changed(const std::string& path, std::string_view before, std::string_view after) {
  FileChange change;
  change.path = path;
  change.before = Entry{path, Kind::File, {}};
  change.after = Entry{path, Kind::File, {}};
  change.text = *Objects::diff_texts(before, after);
  return change;
}

TEST(DiffText, IsThatOfGit) {
  FileChange change = changed("greet", "one\ntwo\n", "one\nthree");
  change.after->kind = Kind::Executable;
  EXPECT_EQ("\n" + diff_text(change, Colour::Never), R"(
diff --git a/greet b/greet
old mode 100644
new mode 100755
--- a/greet
+++ b/greet
@@ -1,2 +1,2 @@
 one
-two
+three
\ No newline at end of file
)");
}

TEST(DiffText, NewAndRemovedFilesSaySo) {
  FileChange made = changed("new", "", "a\n");
  made.before.reset();
  EXPECT_EQ(diff_text(made, Colour::Never),
            "diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n"
            "@@ -0,0 +1 @@\n+a\n");
  FileChange gone = changed("old", "", "");
  gone.after.reset();
  EXPECT_EQ(diff_text(gone, Colour::Never), "diff --git a/old b/old\ndeleted file mode 100644\n");
}

TEST(DiffText, BinaryFilesAreNotPrinted) {
  EXPECT_EQ(diff_text(changed("b", std::string_view("\0\1", 2), std::string_view("\0\2", 2)),
                      Colour::Never),
            "diff --git a/b b/b\nBinary file\n");
}

// What a reviewer does not see, he approves.
TEST(DiffText, NothingOfALineVanishes) {
  const std::string text =
      diff_text(changed("f", "", "rm -rf /\rharmless\n\x1b[8mhidden\x1b[2K\n\u202Ereversed\xff\n"),
                Colour::Never);
  EXPECT_NE(text.find("+rm -rf /^Mharmless\n+^[[8mhidden^[[2K\n+<U+202E>reversed<FF>\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(DiffText, APathIsOneLineWhateverItsName) {
  EXPECT_EQ(path_text("größer/a b.txt"), "größer/a b.txt");
  EXPECT_EQ(path_text("a\n+++ b/fake\x1b[2J"), "\"a\\n+++ b/fake\\033[2J\"");
  EXPECT_EQ(path_text("say \"x\"\xff"), "\"say \\\"x\\\"\\377\"");
}

TEST(DiffText, SumsFilesUp) {
  std::vector<FileSize> files(3);
  files[0] = {"a", FileSize::Change::Modified, false, 2, 1};
  files[1] = {"some/longer.txt", FileSize::Change::Added, false, 300, 0};
  files[2] = {"b.png", FileSize::Change::Added, true, 0, 0};
  EXPECT_EQ("\n" + stat_text(files, 40, Colour::Never), R"(
 a               |   3 +-
 some/longer.txt | 300 +++++++++++++++++
 b.png           | Bin
 3 files changed, 302 insertions(+), 1 deletion(-)
)");
}

}  // namespace
}  // namespace runner::report
