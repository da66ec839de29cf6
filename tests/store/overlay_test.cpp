// Workspaces as overlays: laid out in layers, mounted for real, read back from the upper folder.

#include "tests/support/overlay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class OverlayTest : public StoreTest, public testing::WithParamInterface<As> {
 protected:
  void SetUp() override {
    for (int i = 0; i < 20; ++i) {
      put("many/file-" + std::to_string(i), std::to_string(i));
    }
    put("a", "1");
    put("dir/b", "1");
    put("dir/sub/c", "1");
    put("tool", "1", 0755);
    ::mkdir((project_path() + "/empty").c_str(), 0755);
    input_ = take().input;
    const PreparedWorkspace probe = prepare_overlay(input_);
    if (!run_in_overlay(probe.mount, GetParam(), "true 2>/dev/null")) {
      GTEST_SKIP() << "this machine does not let us mount overlays that way";
    }
  }

  PreparedWorkspace prepare_overlay(const TreeRef& tree, WorkspaceRequest request = {}) {
    request.overlay = true;
    PreparedWorkspace workspace = prepare(tree, std::move(request));
    EXPECT_FALSE(workspace.mount.lower.empty());
    return workspace;
  }

  Capture run(const TreeRef& tree, const std::string& script, CaptureRequest request = {}) {
    const PreparedWorkspace workspace = prepare_overlay(tree);
    EXPECT_TRUE(run_in_overlay(workspace.mount, GetParam(), script)) << script;
    return capture(workspace, std::move(request));
  }

  /// What `find` tells of the workspace of a tree.
  std::string listing(const PreparedWorkspace& workspace) {
    EXPECT_TRUE(run_in_overlay(workspace.mount,
                               GetParam(),
                               "find . -not -path \"./many*\" | sort > " + temp_ / "listing"));
    return read_text(temp_ / "listing");
  }

  TreeRef input_;
};

TEST_P(OverlayTest, ShowsTheTreeAndTakesNothingWhenNothingChanged) {
  const PreparedWorkspace workspace = prepare_overlay(input_);

  EXPECT_EQ(listing(workspace),
            ".\n./a\n./dir\n./dir/b\n./dir/sub\n./dir/sub/c\n./empty\n./tool\n");

  const Capture result = capture(workspace);
  EXPECT_EQ(result.tree, input_);
  EXPECT_THAT(result.changes, IsEmpty());
}

TEST_P(OverlayTest, TakesChangesAdditionsRemovalsAndModes) {
  const Capture result =
      run(input_, "echo 2 > a; rm dir/b; mkdir new; echo 3 > new/file; chmod -x tool");

  EXPECT_THAT(lines(result.changes), ElementsAre("M a", "D dir/b", "A new/file", "M tool"));
  EXPECT_EQ(text(result.tree, "a"), "2\n");
  EXPECT_EQ(text(result.tree, "dir/sub/c"), "1");
}

TEST_P(OverlayTest, AFolderThatWasRemovedAndMadeAgainHoldsOnlyWhatIsNew) {
  const Capture result = run(input_, "rm -r dir; mkdir dir; echo new > dir/d");

  EXPECT_THAT(lines(result.changes), ElementsAre("D dir/b", "A dir/d", "D dir/sub/c"));
}

TEST_P(OverlayTest, AFileMayBecomeAFolderAndAFolderAFile) {
  const Capture result = run(input_, "rm a; mkdir a; echo 1 > a/x; rm -r dir; echo 2 > dir");

  EXPECT_THAT(lines(result.changes),
              ElementsAre("D a", "A a/x", "A dir", "D dir/b", "D dir/sub/c"));
}

TEST_P(OverlayTest, ARenamedFolderIsTakenWhole) {
  const Capture result = run(input_, "mv dir moved");

  EXPECT_THAT(lines(result.changes),
              ElementsAre("D dir/b", "D dir/sub/c", "A moved/b", "A moved/sub/c"));
  EXPECT_EQ(text(result.tree, "moved/sub/c"), "1");
}

TEST_P(OverlayTest, RemovingEverythingLeavesAnEmptyTree) {
  const Capture result = run(input_, "rm -r *");

  EXPECT_THAT(result.changes, SizeIs(25));
  EXPECT_EQ(must(store_->content_of(result.tree)), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
  EXPECT_EQ(text(result.tree, "a"), "<absent>");
}

TEST_P(OverlayTest, ALayerShowsWhatEarlierNodesChangedAndRemoved) {
  TreeRef tree = run(input_, "echo 2 > a; rm -r dir; rmdir empty; mkdir other").tree;
  tree = run(tree, "rm tool; mkdir dir; echo 3 > dir/new; mkdir -p deep/er; ln -s a link").tree;

  const PreparedWorkspace workspace = prepare_overlay(tree);

  EXPECT_EQ(listing(workspace), ".\n./a\n./deep\n./deep/er\n./dir\n./dir/new\n./link\n./other\n");
  EXPECT_THAT(workspace.mount.lower, SizeIs(2));
  EXPECT_THAT(capture(workspace).changes, IsEmpty());
}

TEST_P(OverlayTest, RulesOfTheTreeBelowCountForNewFiles) {
  const TreeRef with_rules = run(input_, "printf \"*.o\\nbuild/\\n\" > .gitignore").tree;

  const Capture result = run(with_rules, "mkdir build; touch build/x dir/y.o dir/z.c");

  EXPECT_THAT(lines(result.changes), ElementsAre("A dir/z.c"));
}

TEST_P(OverlayTest, ArtifactsLieInTheNextWorkspaceAndStayArtifacts) {
  const TreeRef with_rules = run(input_, "echo out/ > .gitignore").tree;
  CaptureRequest request;
  request.artifacts = {{"out", {"out/**"}}};
  const TreeRef built = run(with_rules, "mkdir -p out/bin; echo 1 > out/bin/app", request).tree;
  EXPECT_EQ(built.commit, with_rules.commit);

  const Capture result = run(built, "test -f out/bin/app; echo 2 > out/bin/app; echo 3 > out/more");

  EXPECT_THAT(lines(result.changes), ElementsAre("M out/bin/app"));
  EXPECT_EQ(result.tree.commit, with_rules.commit);
  EXPECT_EQ(text(result.tree, "out/bin/app"), "2\n");
  EXPECT_EQ(text(result.tree, "out/more"), "<absent>");
}

TEST_P(OverlayTest, ProtectedFilesAreBackBeforeTheJobSeesThem) {
  const TreeRef cheated =
      run(input_, "echo yes > a; rm -r dir; ln -s /etc dir; echo more > many/extra").tree;
  WorkspaceRequest request;
  request.protect = {"a", "dir/", "many/"};
  request.protect_from = input_;

  const PreparedWorkspace workspace = prepare_overlay(cheated, request);

  EXPECT_TRUE(run_in_overlay(
      workspace.mount,
      GetParam(),
      "test \"$(cat a)\" = 1; test -f dir/sub/c; test ! -L dir; test ! -e many/extra"));
}

TEST_P(OverlayTest, WhatAJobDidAtProtectedPathsIsNotTaken) {
  CaptureRequest request;
  request.protect = {"a", "dir/sub/", "many/", "never"};

  const Capture result =
      run(input_, "echo yes > a; rm -r dir; ln -s /etc dir; rm many/file-3; mkdir never", request);

  EXPECT_THAT(changes(input_, result.tree), ElementsAre("D dir/b"));
  EXPECT_THAT(result.untaken, ElementsAre("a", "dir", "dir/sub/c", "many/file-3", "never"));
}

TEST_P(OverlayTest, OutputsAreReadFromTheLayersBelowToo) {
  const PreparedWorkspace workspace = prepare_overlay(input_);
  EXPECT_TRUE(run_in_overlay(workspace.mount, GetParam(), "echo new > made; rm tool"));
  CaptureRequest request;
  request.outputs = {{"old", "dir/sub/c", {}}, {"made", "made", {}}, {"gone", "tool", {}}};

  const Capture result = capture(workspace, request);

  EXPECT_EQ(*result.outputs[0], "1");
  EXPECT_EQ(*result.outputs[1], "new\n");
  EXPECT_EQ(result.outputs[2].error().message, "it was not written");
}

TEST_P(OverlayTest, ANewBaseIsMadeWhereALayerWouldBeTooLarge) {
  const TreeRef tree =
      run(input_, "mkdir bulk; i=0; while [ $i -lt 1100 ]; do echo $i > bulk/$i; i=$((i+1)); done")
          .tree;

  const PreparedWorkspace workspace = prepare_overlay(tree);

  EXPECT_THAT(workspace.mount.lower, SizeIs(1));
  EXPECT_EQ(read_text(workspace.mount.lower[0] + "/bulk/1099"), "1099\n");
  EXPECT_EQ(read_text(workspace.mount.lower[0] + "/a"), "1");
}

INSTANTIATE_TEST_SUITE_P(Mounts,
                         OverlayTest,
                         testing::Values(As::Root, As::UserSpace),
                         [](const auto& parameter) {
                           return parameter.param == As::Root ? "Root" : "UserSpace";
                         });

}  // namespace
}  // namespace runner::test
