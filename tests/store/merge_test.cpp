// Several nodes' results become one tree.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace runner::test
