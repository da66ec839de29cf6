// What is taken from the user's project, and how a result gets back.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::HasSubstr;

class ProjectTest : public StoreTest {};

TEST_F(ProjectTest, ResultOfARepositoryBecomesABranchAndNothingElseChanges) {
  git(project_path(), "init -q");
  put("a", "1\n");
  put("sub/b", "1\n");
  git(project_path(), "add -A");
  git(project_path(), "commit -q -m first");
  const std::string status = git(project_path(), "status --porcelain=v2 --branch");
  const Project project = take();
  const TreeRef result =
      after(project.input, [](const std::string& at) { write_file(at + "/a", "2\n"); });

  EXPECT_EQ(must(deliver(*store_, project, "pipe/run", result)), "branch 'pipe/run'");

  EXPECT_EQ(git(project_path(), "status --porcelain=v2 --branch"), status);
  EXPECT_EQ(git(project_path(), "log --format=%s%n%an pipe/run"), "Work\npipe\nfirst\na");
  EXPECT_EQ(git(project_path(), "show pipe/run:a"), "2");
  EXPECT_EQ(git(project_path(), "fsck --strict"), "");
}

TEST_F(ProjectTest, ResultOfAFolderIsWrittenBack) {
  put("change", "1");
  put("gone/file", "1");
  put("keep", "1");
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    write_file(at + "/change", "2");
    write_file(at + "/new/file", "3", 0755);
    static_cast<void>(files::remove_tree(at + "/gone"));
  });

  EXPECT_THAT(must(deliver(*store_, project, "pipe/run", result)), HasSubstr("folder"));

  EXPECT_EQ(read_text(project_path() + "/change"), "2");
  EXPECT_EQ(read_text(project_path() + "/new/file"), "3");
  EXPECT_EQ(mode_of(project_path() + "/new/file"), mode_t{S_IFREG | 0755});
  EXPECT_FALSE(exists(project_path() + "/gone"));
  EXPECT_EQ(read_text(project_path() + "/keep"), "1");
}

}  // namespace
}  // namespace runner::test
