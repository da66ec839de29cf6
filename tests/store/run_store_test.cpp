#include "runner/store/run_store.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/store/result_cache.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

class RunStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = *files::make_temporary_folder(testing::TempDir(), "store-");
    auto opened = RunStore::open(folder + "/s", RunStore::Access::Create);
    ASSERT_TRUE(opened) << opened.error().message;
    store.emplace(*std::move(opened));
  }
  void TearDown() override { ASSERT_TRUE(files::remove_tree(folder)); }

  std::function<std::uint32_t()> counting() {
    return [this] { return next++; };
  }

  std::string folder;
  std::optional<RunStore> store;
  std::uint32_t next = 0;
};

TEST_F(RunStoreTest, MakesUpNamesThatAPersonCanType) {
  const auto run = store->create_run("", "{}", counting());
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_THAT(run->value, MatchesRegex("[a-z]+-[a-z]+-[0-9a-f]{4}"));
  EXPECT_EQ(*store->plan_json(*run), "{}");
}

TEST_F(RunStoreTest, AMadeUpNameThatIsTakenIsMadeUpAgain) {
  const auto first = store->create_run("", "{}", counting());
  next = 0;
  const auto second = store->create_run("", "{}", counting());
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_NE(first->value, second->value);
}

TEST_F(RunStoreTest, EveryStoreHasAnIdOfItsOwnForEver) {
  EXPECT_THAT(store->id(), MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(store->id().size(), 12U);
  EXPECT_EQ(RunStore::open(folder + "/s", RunStore::Access::ReadOnly)->id(), store->id());
  EXPECT_EQ(RunStore::open(folder + "/s", RunStore::Access::Create)->id(), store->id());
  EXPECT_NE(RunStore::open(folder + "/t", RunStore::Access::Create)->id(), store->id());
}

TEST_F(RunStoreTest, AGivenNameIsUsedOnceAndOnlyIfItIsOne) {
  ASSERT_TRUE(store->create_run("nightly-1", "{}", counting()));
  const auto again = store->create_run("nightly-1", "{}", counting());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message, "a run named 'nightly-1' is there already");
  for (const char* bad : {"../x", "a b", "Upper", "-x", "latest", "x/y", "a\nb"}) {
    EXPECT_FALSE(store->create_run(bad, "{}", counting())) << bad;
  }
  EXPECT_EQ(store->create_run("latest", "{}", counting()).error().message,
            "'latest' cannot be the name of a run: it means the one that began last");
}

// A runner may die at any moment: what is there by its name can be resumed.
TEST_F(RunStoreTest, ARunIsThereWithAllThatItBeginsWithOrNotAtAll) {
  const auto run = store->create_run("whole", "{}", counting(), {{"project.json", "[1]"}});
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(*files::read_file(store->run_folder(*run) + "/project.json", 10), "[1]");

  const std::string cut_short = folder + "/s/runs/.draft-cut";
  ASSERT_TRUE(files::make_directories(cut_short));
  ASSERT_TRUE(files::write_atomically(cut_short + "/plan.json", "{}", files::Durable::No));
  EXPECT_THAT(*store->runs(), ElementsAre(*run));
  ASSERT_TRUE(store->tidy(files::clock_ns() / 1'000'000));
  EXPECT_EQ(::access(cut_short.c_str(), F_OK), 0) << "its runner may be at it";
  constexpr std::int64_t kTwoDays_ms = 2LL * 24 * 3600 * 1000;
  ASSERT_TRUE(store->tidy(files::clock_ns() / 1'000'000 + kTwoDays_ms));
  EXPECT_NE(::access(cut_short.c_str(), F_OK), 0);
}

TEST_F(RunStoreTest, ANameThatIsTakenLeavesNoDraft) {
  ASSERT_TRUE(store->create_run("one", "{}", counting()));
  EXPECT_FALSE(store->create_run("one", "{}", counting()));
  std::vector<std::string> names;
  const auto runs = files::open_folder(folder + "/s/runs");
  ASSERT_TRUE(runs && files::list_names(runs->get(), names));
  EXPECT_THAT(names, ElementsAre("one"));
}

TEST_F(RunStoreTest, ARunHasOneRunnerAtATime) {
  const auto run = store->create_run("one", "{}", counting());
  EXPECT_EQ(store->holder(*run), std::nullopt);
  {
    const auto lock = store->lock(*run);
    ASSERT_TRUE(lock) << lock.error().message;
    EXPECT_EQ(store->holder(*run), ::getpid());
    const auto second = store->lock(*run);
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message,
                HasSubstr("has a runner already (process " + std::to_string(::getpid())));
  }
  EXPECT_EQ(store->holder(*run), std::nullopt);
  EXPECT_TRUE(store->lock(*run));
}

TEST_F(RunStoreTest, TheLockOfAKilledRunnerIsFree) {
  const auto run = store->create_run("one", "{}", counting());
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = store->lock(*run);
    const char good = lock ? '1' : '0';
    (void)!::write(ready[1], &good, 1);
    ::pause();
    ::_exit(0);
  }
  char good = 0;
  ASSERT_EQ(::read(ready[0], &good, 1), 1);
  ASSERT_EQ(good, '1');
  EXPECT_EQ(store->holder(*run), child);
  ::kill(child, SIGKILL);
  ASSERT_EQ(::waitpid(child, nullptr, 0), child);
  EXPECT_EQ(store->holder(*run), std::nullopt);
  EXPECT_TRUE(store->lock(*run));
}

TEST_F(RunStoreTest, FindsByNameByBeginningAndTheLatest) {
  ASSERT_TRUE(store->create_run("calm-otter", "{}", counting()));
  ASSERT_TRUE(store->create_run("calm-owl", "{}", counting()));
  ASSERT_TRUE(store->create_run("bold-ant", "{}", counting()));
  EXPECT_EQ(store->find("bold")->value, "bold-ant");
  EXPECT_EQ(store->find("calm-owl")->value, "calm-owl");
  EXPECT_EQ(store->find("latest")->value, "bold-ant");
  const auto several = store->find("calm");
  ASSERT_FALSE(several);
  EXPECT_THAT(several.error().remedy, HasSubstr("'calm-otter'"));
  EXPECT_THAT(several.error().remedy, HasSubstr("'calm-owl'"));
  const auto wrong = store->find("calm-oter");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().remedy, "did you mean 'calm-otter'?");
}

TEST_F(RunStoreTest, ListsTheNewestFirstAndForgetsWhatWasRemoved) {
  ASSERT_TRUE(store->create_run("a", "{}", counting()));
  ASSERT_TRUE(store->create_run("b", "{}", counting()));
  EXPECT_THAT(*store->runs(), ElementsAre(dsl::RunId("b"), dsl::RunId("a")));
  ASSERT_TRUE(store->remove(dsl::RunId("b")));
  EXPECT_THAT(*store->runs(), ElementsAre(dsl::RunId("a")));
}

TEST_F(RunStoreTest, NobodyElseMayLookIntoTheStore) {
  struct stat status {};
  ASSERT_EQ(::stat((folder + "/s").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
}

TEST_F(RunStoreTest, AStoreOfANewerPipeIsRefused) {
  ASSERT_TRUE(store->database()->execute("PRAGMA user_version = 99"));
  for (const auto access : {RunStore::Access::Create, RunStore::Access::ReadOnly}) {
    const auto opened = RunStore::open(folder + "/s", access);
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().message, HasSubstr("newer"));
  }
}

TEST_F(RunStoreTest, ResultsAreFoundByKeyAsLongAsTheirTreesAreThere) {
  bool there = true;
  auto cache = SqliteResultCache::open(*store->database(),
                                       [&there](const auto&, const auto&) { return there; });
  ASSERT_TRUE(cache) << cache.error().message;
  CachedResult result;
  result.content = "c0ffee";
  result.artifacts = "a";
  result.outputs = {{"n", dsl::Value(3.0)}};
  result.evidence.push_back({"make check", "exit 0", "", "", "", true, false, {12}});
  result.run = dsl::RunId("one");
  result.node = dsl::NodeId("build");
  result.at_ms = 5;
  result.took_ms = 700;
  ASSERT_TRUE((*cache)->store("key", "p/build", result));
  for (const char* where : {"held back", "written"}) {
    SCOPED_TRACE(where);
    there = true;
    const auto found = (*cache)->lookup("key");
    ASSERT_TRUE(found && found->has_value());
    EXPECT_EQ((*found)->content, "c0ffee");
    EXPECT_EQ((*found)->outputs, result.outputs);
    EXPECT_EQ((*found)->evidence, result.evidence);
    EXPECT_EQ((*found)->took_ms, 700);
    EXPECT_FALSE((*cache)->lookup("other")->has_value());
    EXPECT_TRUE((*cache)->knows("p/build"));
    EXPECT_FALSE((*cache)->knows("p/test"));
    there = false;
    EXPECT_FALSE((*cache)->lookup("key")->has_value());
    ASSERT_TRUE((*cache)->flush());
  }
}

TEST_F(RunStoreTest, WhatANodeUsuallyTakesIsTheMedianOfTheLastFew) {
  auto cache =
      SqliteResultCache::open(*store->database(), [](const auto&, const auto&) { return true; });
  EXPECT_EQ((*cache)->usual_ms("p/build"), 0);
  for (const std::int64_t took : {100, 9'000, 200}) {
    CachedResult result;
    result.took_ms = took;
    result.at_ms = took;
    ASSERT_TRUE((*cache)->store("key" + std::to_string(took), "p/build", result));
  }
  EXPECT_EQ((*cache)->usual_ms("p/build"), 200);
}

}  // namespace
}  // namespace runner
