// What a job gets and what it leaves behind, in plain workspaces.

#include <fcntl.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

class WorkspaceTest : public StoreTest {};

TEST_F(WorkspaceTest, LaysOutFilesModesLinksAndEmptyFolders) {
  put("a.txt", "hello");
  put("bin/tool", "#!/bin/sh\n", 0755);
  ::symlink("../a.txt", (project_path() + "/bin/link").c_str());
  ::mkdir((project_path() + "/empty").c_str(), 0700);
  put("space and\nnewline \xff", "odd");

  const PreparedWorkspace workspace = prepare(take().input);

  const std::string at = workspace.mount.directory;
  EXPECT_EQ(read_text(at + "/a.txt"), "hello");
  EXPECT_EQ(mode_of(at + "/a.txt"), mode_t{S_IFREG | 0644});
  EXPECT_EQ(mode_of(at + "/bin/tool"), mode_t{S_IFREG | 0755});
  EXPECT_TRUE(S_ISLNK(mode_of(at + "/bin/link")));
  EXPECT_TRUE(S_ISDIR(mode_of(at + "/empty")));
  EXPECT_EQ(read_text(at + "/space and\nnewline \xff"), "odd");
  EXPECT_TRUE(exists(workspace.home));
  EXPECT_TRUE(exists(workspace.scratch + "/outputs"));
}

TEST_F(WorkspaceTest, UnchangedFilesMakeNoCommit) {
  put("a.txt", "hello");
  const TreeRef input = take().input;

  const Capture result = capture(prepare(input));

  EXPECT_EQ(result.tree, input);
  EXPECT_THAT(result.changes, IsEmpty());
}

TEST_F(WorkspaceTest, TakesWhatTheJobAddedChangedAndRemoved) {
  put("keep", "1");
  put("change", "1");
  put("dir/gone", "1");
  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  write_file(workspace.mount.directory + "/change", "2");
  write_file(workspace.mount.directory + "/new/file", "3", 0755);
  ASSERT_TRUE(files::remove_tree(workspace.mount.directory + "/dir"));

  const Capture result = capture(workspace);

  EXPECT_THAT(lines(result.changes), ElementsAre("M change", "D dir/gone", "A new/file"));
  EXPECT_EQ(text(result.tree, "change"), "2");
  EXPECT_EQ(text(result.tree, "keep"), "1");
  EXPECT_TRUE(must(store_->read_file(result.tree, "new/file", 10))->executable);
}

}  // namespace
}  // namespace runner::test
