// What a store gives back: runs, their references, trees, checkouts, caches and results.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/store/result_cache.h"
#include "runner/store/run_store.h"
#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

constexpr std::int64_t kDay_ms = 24LL * 3600 * 1000;

class TidyTest : public StoreTest {
 protected:
  TidyTest() {
    runs_.emplace(must(RunStore::open(temp_ / "store", RunStore::Access::Create)));
    run_ = must(runs_->create_run("calm-otter-3f2a", "{}", [] { return 1U; }));
    for (int i = 0; i < 20; ++i) {
      put("file-" + std::to_string(i), std::to_string(i));
    }
    const Project project = take();
    input_ = project.input;
    write_file(runs_->run_folder(run_) + "/project.json", project_to_json(project));
  }

  [[nodiscard]] static std::int64_t now_ms() { return files::clock_ns() / 1'000'000; }
  [[nodiscard]] std::string objects() { return git(temp_ / "store/trees.git", "count-objects"); }

  /// All objects as old as if they had been written days ago.
  void age_objects() {
    git(temp_.path(),
        "--version > /dev/null; find " + temp_ / "store/trees.git/objects" +
            " -type f | xargs -d '\\n' touch -d '5 days ago'");
  }

  std::optional<RunStore> runs_;
  dsl::RunId run_;
  TreeRef input_;
};

TEST_F(TidyTest, TreesOfARunStayUntilItIsRemoved) {
  const TreeRef result = after(input_, [](const std::string& at) { write_file(at + "/new", "x"); });
  const std::string all = objects();
  age_objects();

  EXPECT_EQ(must(runs_->tidy(now_ms())).objects, 0);
  EXPECT_EQ(objects(), all);
  EXPECT_EQ(text(result, "new"), "x");

  ASSERT_TRUE(runs_->remove(run_));
  EXPECT_FALSE(exists(runs_->run_folder(run_)));
  EXPECT_GT(must(runs_->tidy(now_ms())).objects, 20);
  EXPECT_EQ(objects().substr(0, 2), "1 ");  // the empty tree
}

TEST_F(TidyTest, YoungTreesStayWhateverNamesThem) {
  const std::string all = objects();
  ASSERT_TRUE(runs_->remove(run_));

  EXPECT_EQ(must(runs_->tidy(now_ms())).objects, 0);
  EXPECT_EQ(objects(), all);
}

TEST_F(TidyTest, ATreeThatIsWrittenAgainIsYoungAgain) {
  ASSERT_TRUE(runs_->remove(run_));
  age_objects();
  const TreeRef again = take().input;

  must(runs_->tidy(now_ms()));

  EXPECT_EQ(text(again, "file-7"), "7");
}

TEST_F(TidyTest, ResultsKeepTheirTreesForAMonth) {
  CachedResult result;
  result.content = must(store_->content_of(input_));
  result.run = run_;
  result.node = dsl::NodeId("build");
  result.at_ms = now_ms();
  {
    auto cache = must(SqliteResultCache::open(must(runs_->database()),
                                              [&](const auto& content, const auto& artifacts) {
                                                return store_->has(content, artifacts);
                                              }));
    ASSERT_TRUE(cache->store("key", "build", result));
  }
  ASSERT_TRUE(runs_->remove(run_));
  age_objects();

  EXPECT_EQ(must(runs_->tidy(now_ms())).results, 0);
  EXPECT_TRUE(store_->has(result.content, ""));
  const RunStore::Tidied tidied = must(runs_->tidy(now_ms() + 31 * kDay_ms));
  EXPECT_EQ(tidied.results, 1);
  EXPECT_GT(tidied.objects, 20);
}

TEST_F(TidyTest, CheckoutsInUseStay) {
  WorkspaceRequest request;
  request.overlay = true;
  const PreparedWorkspace workspace = prepare(input_, request);
  ASSERT_EQ(workspace.mount.lower.size(), 1U);

  EXPECT_EQ(must(runs_->tidy(now_ms())).checkouts, 0);
  EXPECT_TRUE(exists(workspace.mount.lower[0]));

  workspaces_.reset();
  EXPECT_EQ(must(runs_->tidy(now_ms())).checkouts, 1);
  EXPECT_FALSE(exists(workspace.mount.lower[0]));
}

TEST_F(TidyTest, CachesGoAMonthAfterTheirLastUse) {
  WorkspaceRequest request;
  request.caches = {{"key", {"vendor"}}};
  const PreparedWorkspace workspace = prepare(input_, request);
  write_file(workspace.mount.directory + "/vendor/x", "1");
  CaptureRequest save;
  save.save_caches = true;
  capture(workspace, save);
  must(workspaces_->settle_caches(workspace.job, CachesOf::Passed));

  EXPECT_EQ(must(runs_->tidy(now_ms() + 29 * kDay_ms)).caches, 0);
  EXPECT_EQ(must(runs_->tidy(now_ms() + 31 * kDay_ms)).caches, 1);
  EXPECT_FALSE(exists(prepare(input_, request).mount.directory + "/vendor"));
}

TEST_F(TidyTest, NothingHappensWhileARunHasARunner) {
  {
    const RunLock lock = must(runs_->lock(run_));
    EXPECT_EQ(runs_->holder(run_), ::getpid());
    EXPECT_FALSE(runs_->lock(run_));
    ASSERT_EQ(::unlink((runs_->run_folder(run_) + "/project.json").c_str()), 0);
    age_objects();
    EXPECT_EQ(must(runs_->tidy(now_ms())).objects, 0);
  }
  EXPECT_EQ(runs_->holder(run_), std::nullopt);
  EXPECT_GT(must(runs_->tidy(now_ms())).objects, 20);
}

TEST_F(TidyTest, WhatAKilledStartLeftGoesAfterADayOrAtOnceOnDemand) {
  const std::string draft = temp_ / "store/runs/.draft-1a2b";
  must(files::make_directories(draft));

  must(runs_->tidy(now_ms()));
  EXPECT_TRUE(exists(draft));

  must(runs_->tidy(now_ms(), dsl::Duration{-1000}));
  EXPECT_FALSE(exists(draft));
  EXPECT_TRUE(exists(runs_->run_folder(run_)));
}

TEST_F(TidyTest, AStoreWhoseFirstRunnerFoundNoRoomIsTidiedToo) {
  must(files::make_directories(temp_ / "half/runs"));
  write_file(temp_ / "half/store.db", "");
  auto half = must(RunStore::open(temp_ / "half", RunStore::Access::ReadOnly));
  EXPECT_EQ(must(half.tidy(now_ms())).results, 0);
}

}  // namespace
}  // namespace runner::test
