#include "runner/store/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/store/tree_reading.h"
#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class HistoryTest : public StoreTest {
 protected:
  std::vector<std::string> commits(const TreeRef& from, const std::vector<std::string>& tips) {
    auto objects = must(store_->borrow());
    std::vector<std::string> ids;
    for (const RunCommit& commit : must(commits_since(*objects, from.commit, tips))) {
      ids.push_back(git::to_hex(commit.id));
    }
    return ids;
  }
};

TEST_F(HistoryTest, TellsParentsBeforeChildrenAndEachOnce) {
  put("a", "1");
  const TreeRef base = take().input;
  const TreeRef left = after(base, [](const std::string& at) { write_file(at + "/l", "2"); });
  const TreeRef right = after(base, [](const std::string& at) { write_file(at + "/r", "2"); });
  const TreeRef both = merge({{"left", left}, {"right", right}}).tree;

  const auto ids = commits(base, {both.commit, left.commit});
  ASSERT_EQ(ids.size(), 3U);
  EXPECT_EQ(ids.back(), both.commit);
  EXPECT_THAT(commits(base, {base.commit}), IsEmpty());
  EXPECT_THAT(commits(left, {right.commit}), ElementsAre(base.commit, right.commit));
}

TEST_F(HistoryTest, StopsAtTheUsersOwnCommits) {
  put("a", "1");
  test::git(project_path(), "init -q && git -C '" + project_path() + "' add .");
  test::git(project_path(), "commit -qm first");
  const TreeRef base = take().input;
  const TreeRef next = after(base, [](const std::string& at) { write_file(at + "/b", "2"); });
  EXPECT_THAT(commits(base, {next.commit}), ElementsAre(next.commit));
}

TEST_F(HistoryTest, TellsWhatDiffers) {
  put("same", "1");
  put("text", "one\ntwo\n");
  put("gone", "1");
  const TreeRef base = take().input;
  const TreeRef next = after(base, [](const std::string& at) {
    write_file(at + "/text", "one\n2\n");
    ::unlink((at + "/gone").c_str());
    ::symlink("text", (at + "/link").c_str());
    ::chmod((at + "/same").c_str(), 0755);
  });
  auto objects = must(store_->borrow());
  std::vector<std::string> told;
  ASSERT_TRUE(for_each_change(*objects,
                              must(tree_of(*objects, base.commit)),
                              must(tree_of(*objects, next.commit)),
                              kCompareAll,
                              [&](const git::FileChange& change) -> dsl::Status {
                                told.push_back(change.path + " " +
                                               std::to_string(change.text.added) + "+" +
                                               std::to_string(change.text.removed));
                                return dsl::Ok{};
                              }));
  EXPECT_THAT(told, ElementsAre("gone 0+1", "link 1+0", "same 0+0", "text 1+1"));
}

}  // namespace
}  // namespace runner::test
