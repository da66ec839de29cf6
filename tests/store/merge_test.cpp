// Several nodes' results become one tree.

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/store/tree_reading.h"
#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class MergeTest : public StoreTest {};

TEST_F(MergeTest, UnitesChangesOfTwoNodes) {
  put("a", "1");
  put("b", "1");
  const TreeRef base = take().input;
  const TreeRef left = after(base, [](const std::string& at) { write_file(at + "/a", "2"); });
  const TreeRef right = after(base, [](const std::string& at) { write_file(at + "/b", "2"); });

  const Merge merged = merge({{"left", left}, {"right", right}});

  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_THAT(changes(base, merged.tree), ElementsAre("M a", "M b"));
}

TEST_F(MergeTest, NamesTheFileAndBothNodesOfAConflict) {
  put("a", "1\n");
  const TreeRef base = take().input;
  const TreeRef left = after(base, [](const std::string& at) { write_file(at + "/a", "2\n"); });
  const TreeRef right = after(base, [](const std::string& at) { write_file(at + "/a", "3\n"); });

  const Merge merged = merge({{"left", left}, {"right", right}});

  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts[0].path, "a");
  EXPECT_EQ((std::set{merged.conflicts[0].ours.value, merged.conflicts[0].theirs.value}),
            (std::set<std::string>{"left", "right"}));
}

TEST_F(MergeTest, AConflictIsLaidOutBetweenMarks) {
  put("a", "1\nsame\n");
  put("b", std::string("\0one", 4));
  const TreeRef base = take().input;
  const TreeRef left = after(base, [](const std::string& at) {
    write_file(at + "/a", "2\nsame\n");
    write_file(at + "/b", std::string("\0two", 4));
    write_file(at + "/new", "left\n");
  });
  const TreeRef right = after(base, [](const std::string& at) {
    write_file(at + "/a", "3\nsame\n");
    write_file(at + "/b", std::string("\0three", 6));
    write_file(at + "/new", "right\n");
  });

  const Merge merged = merge({{"left", left}, {"right", right}});

  ASSERT_EQ(merged.conflicts.size(), 3U);
  EXPECT_EQ(text(merged.tree, "a"),
            "<<<<<<< the first of them\n2\n=======\n3\n>>>>>>> the other\nsame\n");
  EXPECT_EQ(text(merged.tree, "b"), std::string("\0two", 4));  // as one of them has it
  EXPECT_THAT(text(merged.tree, "new"), testing::StartsWith(kConflictMark));
}

TEST_F(MergeTest, IsTheSameWhateverTheOrder) {
  put("a", "1");
  const TreeRef base = take().input;
  const TreeRef x = after(base, [](const std::string& at) { write_file(at + "/x", "x"); });
  const TreeRef y = after(base, [](const std::string& at) { write_file(at + "/y", "y"); });
  const TreeRef z = after(base, [](const std::string& at) { write_file(at + "/z", "z"); });

  const Merge one = merge({{"x", x}, {"y", y}, {"z", z}});
  const Merge other = merge({{"z", z}, {"x", x}, {"y", y}, {"x", x}});

  EXPECT_EQ(one.tree, other.tree);
  EXPECT_EQ(git(temp_ / "store/trees.git", "log -1 --format=%s%n%at " + one.tree.commit),
            "Merge x, y, z\n1700000001");
}

TEST_F(MergeTest, EqualSidesAndAncestorsAreNoMerge) {
  put("a", "1");
  const TreeRef base = take().input;
  const TreeRef next = after(base, [](const std::string& at) { write_file(at + "/a", "2"); });

  EXPECT_EQ(merge({{"only", next}}).tree, next);
  EXPECT_EQ(merge({{"one", next}, {"two", next}}).tree, next);
  EXPECT_EQ(merge({{"old", base}, {"new", next}}).tree, next);
  EXPECT_EQ(merge({{"new", next}, {"old", base}, {"again", next}}).tree, next);
}

TEST_F(MergeTest, LinesOfOneFileGoTogether) {
  put("text", "1\n2\n3\n4\n5\n");
  const TreeRef base = take().input;
  const TreeRef top =
      after(base, [](const std::string& at) { write_file(at + "/text", "0\n2\n3\n4\n5\n"); });
  const TreeRef end =
      after(base, [](const std::string& at) { write_file(at + "/text", "1\n2\n3\n4\n6\n", 0755); });

  const Merge merged = merge({{"top", top}, {"end", end}});

  EXPECT_EQ(text(merged.tree, "text"), "0\n2\n3\n4\n6\n");
  EXPECT_TRUE(must(store_->read_file(merged.tree, "text", 100))->executable);
}

// As learnings are: whoever comes second is no conflict.
TEST_F(MergeTest, OfAFileThatSeveralAddToAllLinesAreKept) {
  put("notes", "1\n");
  const TreeRef base = take().input;
  const auto adding = [&](const std::string& line) {
    return after(base, [&](const std::string& at) {
      write_file(at + "/notes", "1\n" + line);
      write_file(at + "/new", line);
    });
  };
  const std::vector<MergeSide> sides = {{dsl::NodeId("one"), adding("one\n")},
                                        {dsl::NodeId("two"), adding("two\n")},
                                        {dsl::NodeId("three"), adding("three\n")}};

  const Merge notes = must(store_->merge(sides, "notes"));
  ASSERT_EQ(notes.conflicts.size(), 2U) << "two of the three have another 'new' than the first";
  EXPECT_EQ(notes.conflicts[0].path, "new");

  const auto noting = [&](const std::string& line) {
    return after(base, [&](const std::string& at) { write_file(at + "/notes", "1\n" + line); });
  };
  const Merge merged = must(store_->merge({{dsl::NodeId("one"), noting("one\n")},
                                           {dsl::NodeId("two"), noting("two\n")},
                                           {dsl::NodeId("three"), noting("three\n")}},
                                          "notes"));
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(text(merged.tree, "notes"), "1\none\nthree\ntwo\n") << "by the names of the tasks";
}

TEST_F(MergeTest, AFileThatSeveralAddToMayBeNewInAll) {
  put("a", "1\n");
  const TreeRef base = take().input;
  const auto noting = [&](const std::string& line) {
    return after(base, [&](const std::string& at) { write_file(at + "/notes", line); });
  };
  const Merge merged = must(store_->merge(
      {{dsl::NodeId("one"), noting("one\n")}, {dsl::NodeId("two"), noting("two\n")}}, "notes"));
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(text(merged.tree, "notes"), "one\ntwo\n");
}

TEST_F(MergeTest, APatchHasTheLinesAndEndsWhereItIsLong) {
  put("a", "1\n2\n");
  put("gone", "x\n");
  const TreeRef base = take().input;
  const TreeRef next = after(base, [](const std::string& at) {
    write_file(at + "/a", "1\n3\n");
    write_file(at + "/new", "n\n");
    std::filesystem::remove(at + "/gone");
  });
  const std::string whole =
      "changed a\n@@ -1,2 +1,2 @@\n 1\n-2\n+3\n"
      "removed gone\n@@ -1,1 +0,0 @@\n-x\n"
      "added new\n@@ -0,0 +1,1 @@\n+n\n";
  EXPECT_EQ(must(store_->patch(base, next, 1'000)), whole);
  EXPECT_EQ(
      must(store_->patch(base, next, 30)),
      "changed a\nremoved gone\nand 1 more\nof 2 of them only the name stands here: the change is "
      "too long\n");
  EXPECT_EQ(must(store_->patch(base, base, 1'000)), "");
}

TEST_F(MergeTest, APatchComparesNoMoreThanItNeeds) {
  put("large", std::string(20'000, 'x') + "\n");
  put("small", "1\n");
  const TreeRef base = take().input;
  const TreeRef next = after(base, [](const std::string& at) {
    write_file(at + "/large", std::string(20'000, 'x') + "\nmore\n");
    write_file(at + "/small", "2\n");
  });
  EXPECT_EQ(must(store_->patch(base, next, 1'000)),
            "changed large\nchanged small\n@@ -1,1 +1,1 @@\n-1\n+2\n"
            "of 1 of them only the name stands here: the change is too long\n");
}

// What a box proved of `old` would not be true where the change was moved to another path.
TEST_F(MergeTest, AChangeOfAFileThatAnotherMovedIsAConflict) {
  put("old", "1\n2\n3\n4\n5\n6\n7\n8\n");
  const TreeRef base = take().input;
  const TreeRef moved = after(
      base, [](const std::string& at) { ::rename((at + "/old").c_str(), (at + "/new").c_str()); });
  const TreeRef changed = after(
      base, [](const std::string& at) { write_file(at + "/old", "1\n2\n3\n4\n5\n6\n7\nnine\n"); });

  const Merge merged = merge({{"moved", moved}, {"changed", changed}});

  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts[0].path, "old");
  EXPECT_EQ(merged.conflicts[0].ours.value, "changed");  // by name, whichever was first
  EXPECT_EQ(merged.conflicts[0].theirs.value, "moved");
}

TEST_F(MergeTest, AFileInTheWayOfAChangeBelowItIsAConflict) {
  for (const bool link : {false, true}) {
    put("d/x", "1\n2\n3\n4\n5\n");
    const TreeRef base = take().input;
    const TreeRef file = after(base, [&](const std::string& at) {
      ::unlink((at + "/d/x").c_str());
      ::rmdir((at + "/d").c_str());
      if (link) {
        ASSERT_EQ(::symlink("elsewhere", (at + "/d").c_str()), 0);
      } else {
        write_file(at + "/d", "1\n2\n3\n4\n5\n");
      }
    });
    const TreeRef below = after(base, [](const std::string& at) { write_file(at + "/d/y", "2"); });

    const Merge merged = merge({{"a", file}, {"b", below}});

    ASSERT_EQ(merged.conflicts.size(), 1U);
    EXPECT_EQ(merged.conflicts[0].path, "d");
    EXPECT_EQ(merged.conflicts[0].ours.value, "a");
    EXPECT_EQ(merged.conflicts[0].theirs.value, "b");
  }
}

TEST_F(MergeTest, ConflictsOfAllKindsAreListed) {
  put("both", "1\n");
  put("deleted", "1\n");
  put("folder", "1\n");
  put("binary", std::string("\0\1", 2));
  put("fine", "1\n");
  const TreeRef base = take().input;
  const TreeRef left = after(base, [](const std::string& at) {
    write_file(at + "/both", "2\n");
    ::unlink((at + "/deleted").c_str());
    ::unlink((at + "/folder").c_str());
    write_file(at + "/folder/x", "x");
    write_file(at + "/binary", std::string("\0\2", 2));
    write_file(at + "/added", "left");
    write_file(at + "/same", "same");
    write_file(at + "/fine", "2\n");
  });
  const TreeRef right = after(base, [](const std::string& at) {
    write_file(at + "/both", "3\n");
    write_file(at + "/deleted", "3\n");
    write_file(at + "/folder", "3\n");
    write_file(at + "/binary", std::string("\0\3", 2));
    write_file(at + "/added", "right");
    write_file(at + "/same", "same");
  });

  const Merge merged = merge({{"left", left}, {"right", right}});

  std::vector<std::string> paths;
  for (const MergeConflict& conflict : merged.conflicts) {
    paths.push_back(conflict.path);
  }
  EXPECT_THAT(paths, ElementsAre("added", "binary", "both", "deleted", "folder"));
}

TEST_F(MergeTest, NamesTheTwoNodesOutOfMany) {
  put("a", "1\n");
  const TreeRef base = take().input;
  std::vector<std::pair<const char*, TreeRef>> sides;
  for (const char* node : {"n1", "n2", "n3", "n4"}) {
    sides.emplace_back(
        node, after(base, [&](const std::string& at) { write_file(at + "/" + node, node); }));
  }
  sides.emplace_back("bad1",
                     after(base, [](const std::string& at) { write_file(at + "/a", "2\n"); }));
  sides.emplace_back("bad2",
                     after(base, [](const std::string& at) { write_file(at + "/a", "3\n"); }));

  const Merge merged = merge(sides);

  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ((std::set{merged.conflicts[0].ours.value, merged.conflicts[0].theirs.value}),
            (std::set<std::string>{"bad1", "bad2"}));
}

// a and b are merged into both sides: two best common ancestors, neither above the other.
TEST_F(MergeTest, CrossedHistoriesAreMergedByACommonBaseOfTheirBases) {
  put("one", "1\n");
  put("two", "1\n");
  const TreeRef base = take().input;
  const TreeRef a = after(base, [](const std::string& at) { write_file(at + "/one", "a\n"); });
  const TreeRef b = after(base, [](const std::string& at) { write_file(at + "/two", "b\n"); });
  const TreeRef c = after(base, [](const std::string& at) { write_file(at + "/c", "c"); });
  const TreeRef d = after(base, [](const std::string& at) { write_file(at + "/d", "d"); });
  const TreeRef left = after(merge({{"a", a}, {"b", b}, {"c", c}}).tree,
                             [](const std::string& at) { write_file(at + "/one", "left\n"); });
  const TreeRef right = after(merge({{"a", a}, {"b", b}, {"d", d}}).tree,
                              [](const std::string& at) { write_file(at + "/two", "right\n"); });

  const Merge merged = merge({{"left", left}, {"right", right}});

  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(text(merged.tree, "one"), "left\n");
  EXPECT_EQ(text(merged.tree, "two"), "right\n");
  EXPECT_EQ(text(merged.tree, "c") + text(merged.tree, "d"), "cd");
}

TEST_F(MergeTest, ArtifactsMergeByTheirOwnHistory) {
  put(".gitignore", "out/\n");
  const TreeRef base = take().input;
  CaptureRequest request;
  request.artifacts = {{"out", {"out"}}};
  const TreeRef built = after(
      base,
      [](const std::string& at) {
        write_file(at + "/out/app", "1");
        write_file(at + "/out/lib", "1");
      },
      request);
  const TreeRef rebuilt =
      after(built, [](const std::string& at) { write_file(at + "/out/app", "2"); });
  const TreeRef tested = after(
      built, [](const std::string& at) { write_file(at + "/out/report", "ok"); }, request);
  const TreeRef other =
      after(built, [](const std::string& at) { write_file(at + "/out/app", "3"); });

  const Merge merged = merge({{"rebuilt", rebuilt}, {"tested", tested}, {"base", base}});
  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(text(merged.tree, "out/app"), "2");
  EXPECT_EQ(text(merged.tree, "out/lib"), "1");
  EXPECT_EQ(text(merged.tree, "out/report"), "ok");
  EXPECT_EQ(merged.tree.commit, base.commit);

  const Merge conflict = merge({{"rebuilt", rebuilt}, {"other", other}});
  ASSERT_EQ(conflict.conflicts.size(), 1U);
  EXPECT_EQ(conflict.conflicts[0].path, "out/app");
}

TEST_F(MergeTest, EmptyFoldersSurviveAndGoAsFilesDo) {
  put("a", "1");
  ::mkdir((project_path() + "/stays").c_str(), 0755);
  ::mkdir((project_path() + "/goes").c_str(), 0755);
  const TreeRef base = take().input;
  const TreeRef left =
      after(base, [](const std::string& at) { ::mkdir((at + "/left").c_str(), 0755); });
  const TreeRef right = after(base, [](const std::string& at) {
    ::mkdir((at + "/right").c_str(), 0755);
    ::rmdir((at + "/goes").c_str());
    write_file(at + "/stays/file", "x");
  });

  const PreparedWorkspace workspace = prepare(merge({{"left", left}, {"right", right}}).tree);

  const std::string at = workspace.mount.directory;
  EXPECT_TRUE(exists(at + "/left") && exists(at + "/right") && exists(at + "/stays/file"));
  EXPECT_FALSE(exists(at + "/goes"));
}

TEST_F(MergeTest, AFileThatIsAnArtifactHereAndCommittedThereIsAConflict) {
  put("a", "1");
  const TreeRef base = take().input;
  CaptureRequest request;
  request.artifacts = {{"out", {"out"}}};
  const TreeRef declared = after(
      base, [](const std::string& at) { write_file(at + "/out", "1"); }, request);
  const TreeRef committed =
      after(base, [](const std::string& at) { write_file(at + "/out", "2"); });

  const Merge merged = merge({{"declared", declared}, {"committed", committed}});

  ASSERT_EQ(merged.conflicts.size(), 1U);
  EXPECT_EQ(merged.conflicts[0].path, "out");
}

TEST_F(MergeTest, HundredsOfSidesAreOneCommit) {
  put("a", "1");
  const TreeRef base = take().input;
  std::vector<MergeSide> sides;
  auto objects = must(store_->borrow());
  const Halves before = must(halves_of(*objects, base));
  for (int i = 0; i < 300; ++i) {
    const std::string name = "side-" + std::to_string(i);
    git::Entries entries = must(objects->read_tree(before.files));
    entries.push_back({name, git::Kind::File, must(objects->write_blob(name))});
    const Halves after{must(objects->write_tree(entries)), before.artifacts};
    sides.push_back({dsl::NodeId(name), must(store_->commit(*objects, base, after, name, 2))});
  }

  const Merge merged = must(store_->merge(sides));

  EXPECT_THAT(merged.conflicts, IsEmpty());
  EXPECT_EQ(changes(base, merged.tree).size(), 300U);
  EXPECT_EQ(must(objects->read_commit(*git::from_hex(merged.tree.commit))).parents.size(), 300U);
}

}  // namespace
}  // namespace runner::test
