#include "runner/cli/runs.h"

#include <gtest/gtest.h>

#include "dsl/plan_json.h"
#include "runner/cli/run_status.h"
#include "runner/store/journal.h"
#include "runner/store/run_store.h"
#include "runner/sys/files.h"
#include "tests/report/story.h"

namespace runner::cli {
namespace {

dsl::Plan one_task() {
  PlanMaker make;
  make.phase("main");
  make.task("build").criteria = {PlanMaker::criterion("It is built")};
  make.gate({0});
  return make.plan();
}

dsl::Plan one_question() {
  PlanMaker make;
  make.phase("main");
  auto& review = make.task("review");
  review.kind = dsl::NodeKind::Approval;
  review.command.argv.clear();
  review.approval = "Good?";
  make.gate({0});
  return make.plan();
}

/// A store on disk, written as a runner writes it.
class RunsTest : public testing::Test {
 protected:
  RunsTest() { settings_.state_dir = *files::make_temporary_folder(testing::TempDir(), "runs-"); }
  ~RunsTest() override { EXPECT_TRUE(files::remove_tree(settings_.state_dir)); }

  RunStore store() const {
    auto opened = RunStore::open(settings_.state_dir, RunStore::Access::Create);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return *std::move(opened);
  }
  dsl::RunId make_run(const std::string& name, const dsl::Plan& plan) const {
    auto run = store().create_run(
        name, dsl::plan_to_json(plan, dsl::JsonLayout::Compact), [] { return 7U; });
    EXPECT_TRUE(run) << (run ? "" : run.error().message);
    return *run;
  }
  void append(const dsl::RunId& run, const std::vector<Event>& events) const {
    auto journal = SqliteJournal::open(store().run_folder(run));
    ASSERT_TRUE(journal);
    ASSERT_TRUE((*journal)->append(events));
  }
  Runs runs() const {
    auto opened = Runs::open(settings_);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return *std::move(opened);
  }

  Settings settings_;
};

TEST_F(RunsTest, WithoutAStoreThereAreNoRunsAndNoStoreIsMade) {
  Settings nowhere;
  nowhere.state_dir = settings_.state_dir + "/not/there";
  const auto opened = Runs::open(nowhere);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->names().empty());
  const auto found = opened->find("latest");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "there are no runs in '" + nowhere.state_dir + "'");
  EXPECT_FALSE(RunStore::exists(nowhere.state_dir));
}

TEST_F(RunsTest, AStoreThatCannotBeLookedIntoIsNotAnEmptyOne) {
  Settings nowhere;
  nowhere.state_dir = "/dev/null";
  const auto opened = Runs::open(nowhere);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("read '/dev/null/store.db'"), std::string::npos)
      << opened.error().message;
}

TEST_F(RunsTest, AViewFollowsAJournalThatIsStillWritten) {
  Story story(one_task());
  const dsl::RunId run = make_run("calm-otter-3f2a", one_task());
  auto view = runs().view(run);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_FALSE(view->state().started());  // no journal yet

  story.start();
  append(run, story.last_event());
  auto first = view->more();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 1U);
  EXPECT_TRUE(view->state().started());

  const std::size_t told = story.events().size();
  story.begin("build");
  append(run, {story.events().begin() + static_cast<std::ptrdiff_t>(told), story.events().end()});
  auto second = view->more();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->size(), 2U);
  EXPECT_EQ(view->state().nodes()[0].stage, Stage::Running);
  EXPECT_EQ(view->events_so_far().size(), 3U);
  EXPECT_TRUE(view->more()->empty());
}

TEST_F(RunsTest, AFinishedRunIsListedFromWhatItsRunnerKept) {
  const dsl::RunId run = make_run("calm-otter-3f2a", one_task());
  Story story(one_task());
  story.start().run_task("build").check("build", 0, Verdict::NotMet, {});
  story.finish("build", Outcome::Failed, "a criterion is not met");
  const report::RunSummary half = report::summarise(story.state());
  EXPECT_EQ(half.outcome, std::nullopt);
  EXPECT_EQ(half.settled, 1);
  EXPECT_EQ(*report::summary_from_json(report::summary_to_json(half)), half);

  append(run, story.events());
  EXPECT_EQ(look_over(runs(), run)->status, RunStatus::Dead) << "folded: nothing was kept";

  report::RunSummary kept = half;
  kept.outcome = Outcome::Failed;
  kept.delivered = "branch pipe/build";
  const std::string file = store().run_folder(run) + "/summary.json";
  ASSERT_TRUE(
      files::write_atomically(file, report::summary_to_json(kept), files::Durable::No, 0600));
  const auto overview = look_over(runs(), run);
  ASSERT_TRUE(overview);
  EXPECT_EQ(overview->status, RunStatus::Failed) << "the journal was not asked";
  EXPECT_EQ(overview->summary, kept);

  ASSERT_TRUE(files::write_atomically(file, "{\"pipe", files::Durable::No, 0600));
  EXPECT_EQ(look_over(runs(), run)->status, RunStatus::Dead) << "what is damaged is not believed";
}

// `pipe clean` keeps what `pipe resume` can go on with.
TEST_F(RunsTest, WhatTheWorldKeptFromEndingCanGoOn) {
  const dsl::RunId errored = make_run("errored", one_task());
  Story broken(one_task());
  broken.start().run_task("build").finish("build", Outcome::Errored, "no space left");
  broken.tell(RunFinished{Outcome::Errored, {}, ""});
  append(errored, broken.events());
  EXPECT_EQ(look_over(runs(), errored)->status, RunStatus::Errored);
  EXPECT_FALSE(is_finished(RunStatus::Errored));

  const dsl::RunId passed = make_run("passed", one_task());
  Story story(one_task());
  story.start().run_task("build").check("build", 0, Verdict::Met, {}).finish("build");
  story.tell(RunFinished{Outcome::Passed, {}, ""});
  append(passed, story.events());
  EXPECT_EQ(look_over(runs(), passed)->status, RunStatus::Undelivered);
  EXPECT_FALSE(is_finished(RunStatus::Undelivered));

  story.tell(ResultDelivered{"folder '/p'"});
  append(passed, story.last_event());
  EXPECT_EQ(look_over(runs(), passed)->status, RunStatus::Passed);
  EXPECT_TRUE(is_finished(RunStatus::Passed));
}

TEST_F(RunsTest, AHeldRunIsRunningAndAForsakenOneIsUnfinished) {
  Story story(one_task());
  const dsl::RunId run = make_run("calm-otter-3f2a", one_task());
  story.start().begin("build");
  append(run, story.events());
  {
    auto held = store();
    const auto lock = held.lock(run);
    ASSERT_TRUE(lock);
    const auto view = runs().view(run);
    EXPECT_EQ(view->runner(), getpid());
    EXPECT_EQ(status_of(*view), RunStatus::Running);
    EXPECT_GT(overview_of(*view).summary.last_ms, story.state().last_ms()) << "it takes till now";
  }
  const auto view = runs().view(run);
  EXPECT_EQ(view->runner(), std::nullopt);
  EXPECT_EQ(status_of(*view), RunStatus::Dead);
  EXPECT_EQ(overview_of(*view).summary.last_ms, story.state().last_ms());
}

TEST_F(RunsTest, AnAnswerIsWrittenIntoTheJournalOfARunThatWaits) {
  Story story(one_question());
  const dsl::RunId run = make_run("calm-otter-3f2a", one_question());
  story.start().tell(InputReady{dsl::NodeId("review"), {}, "", ""});
  story.tell(PersonAsked{dsl::NodeId("review"), -1, "Good?"});
  append(run, story.events());
  Runs all = runs();
  EXPECT_EQ(status_of(*all.view(run)), RunStatus::Waiting);

  PersonAnswered answer;
  answer.node = dsl::NodeId("review");
  answer.yes = true;
  answer.by = "ann";
  const dsl::Status recorded = all.record(run, answer);
  ASSERT_TRUE(recorded) << recorded.error().message;
  EXPECT_EQ(all.view(run)->state().nodes()[0].approved, true);

  auto other = store();
  const auto lock = other.lock(run);
  ASSERT_TRUE(lock);
  EXPECT_FALSE(all.record(run, answer)) << "a runner holds it";
}

TEST_F(RunsTest, AFactThatDoesNotFitIsRefusedAndNotWritten) {
  Story story(one_question());
  const dsl::RunId run = make_run("calm-otter-3f2a", one_question());
  story.start();
  append(run, story.events());
  Runs all = runs();
  PersonAnswered answer;
  answer.node = dsl::NodeId("nobody");
  EXPECT_FALSE(all.record(run, answer));
  EXPECT_EQ(all.view(run)->state().sequence(), 1);
}

TEST_F(RunsTest, RemovingARunTellsWhatItTook) {
  const dsl::RunId run = make_run("calm-otter-3f2a", one_task());
  ASSERT_TRUE(files::make_directories(runs().folder_of(run) + "/logs"));
  ASSERT_TRUE(files::write_atomically(
      runs().folder_of(run) + "/logs/big.1.log", std::string(1 << 20, 'x'), files::Durable::No));
  Runs all = runs();
  EXPECT_GE(all.size_of(run), 1 << 20);
  ASSERT_TRUE(all.remove(run));
  EXPECT_TRUE(runs().names().empty());
}

}  // namespace
}  // namespace runner::cli
