// A task that merges: it runs only where the work of others does not go together, and what it makes
// of it has to hold for all of them.

#include <algorithm>
#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

/// Two that may write the same file, a third that merges, and what comes after it.
struct MergeStory {
  RunHarness run{
      {task("a", {}, "a"), task("b", {}, "b"), task("m", {0, 1}, "m"), task("end", {2}, "end")}};
  FakeTrees::Files of_a{{"a", "x"}};
  FakeTrees::Files of_b{{"b", "x"}};
  std::vector<FakeTrees::Files> of_m{{{"m", "x"}}};  // by attempt; the last one for all further
  /// Whether that check holds on a tree.
  std::function<bool(const std::string& word, const FakeTrees::Files&)> holds =
      [](const std::string&, const FakeTrees::Files&) { return true; };

  MergeStory() {
    run.plan.nodes[0].criteria = {run_criterion("a works", "check a")};
    run.plan.nodes[1].criteria = {run_criterion("b works", "check b")};
    run.plan.nodes[2].merges = true;
    run.plan.nodes[2].retry = {3, {}, {}, true};
  }
  void tell() {
    run.engine.script = [this](const Job& job) {
      const std::string word = job.argv.back();
      FakeEngine::Answer answer;
      if (word.starts_with("check ")) {
        answer.end.code = holds(word, run.trees.files(run.trees.given.at(job.name))) ? 0 : 1;
      } else if (word == "m") {
        run.trees.written[job.name] = of_m[std::min(tried, of_m.size() - 1)];
        ++tried;
      } else {
        run.trees.written[job.name] = word == "a" ? of_a : word == "b" ? of_b : FakeTrees::Files{};
      }
      return answer;
    };
    run.start();
  }
  std::size_t tried = 0;
};

TEST(MergeTask, DoesNotRunWhereAllGoesTogether) {
  MergeStory story;
  story.tell();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(story.run.started_words(),
              UnorderedElementsAre("a", "b", "check a", "check b", "check a", "check b", "end"));
  EXPECT_EQ(story.run.node("m").attempt, 0);
  EXPECT_EQ(story.run.trees.files(story.run.node("m").tree),
            (FakeTrees::Files{{"a", "x"}, {"b", "x"}}));
}

TEST(MergeTask, ResolvesWhatTwoChangedAndAllOfThemAreVerifiedOnIt) {
  MergeStory story;
  story.of_a = {{"both", "a"}};
  story.of_b = {{"both", "b"}};
  story.of_m = {{{"both", "a and b"}}};
  story.tell();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed) << story.run.node("m").reason;
  EXPECT_THAT(story.run.started_words(),
              ElementsAre("a", "b", "check a", "check b", "m", "check a", "check b", "end"));
  EXPECT_THAT(story.run.node("m").marked, ElementsAre("both"));
  EXPECT_EQ(story.run.trees.files(story.run.state->result()),
            (FakeTrees::Files{{"both", "a and b"}}));
  ASSERT_EQ(story.run.state->fan_ins().size(), 1U);
  EXPECT_TRUE(story.run.state->fan_ins()[0].resolved);
}

TEST(MergeTask, IsToldWhatDoesNotGoTogether) {
  MergeStory story;
  story.of_a = {{"both", "a"}};
  story.of_b = {{"both", "b"}};
  story.of_m = {{{"both", "a and b"}}};
  story.tell();
  const auto& written = story.run.files.written;
  const auto told = std::find_if(written.begin(), written.end(), [](const auto& file) {
    return file.second.find("does not go together") != std::string::npos;
  });
  ASSERT_NE(told, written.end());
  EXPECT_THAT(
      told->second,
      AllOf(HasSubstr("'both' was changed by both 'a' and 'b'"), HasSubstr("between marks")));
}

TEST(MergeTask, ResolvesWhatMergesAndDoesNotHold) {
  MergeStory story;
  story.holds = [](const std::string& word, const FakeTrees::Files& files) {
    return word != "check a" || !files.contains("b") || files.contains("m");
  };
  story.tell();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed) << story.run.node("m").reason;
  EXPECT_THAT(story.run.node("m").to_resolve,
              HasSubstr("'a works' of 'a' is met without the work of 'b'"));
  EXPECT_EQ(story.run.node("m").attempt, 1);
  EXPECT_EQ(story.run.state->fan_ins().size(), 2U);
}

TEST(MergeTask, ResolvesWhatItsOwnCriteriaFind) {
  MergeStory story;
  story.run.plan.nodes[2].criteria = {run_criterion("all is well", "check m")};
  story.holds = [](const std::string& word, const FakeTrees::Files& files) {
    return word != "check m" || files.contains("m");
  };
  story.tell();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed) << story.run.node("m").reason;
  EXPECT_THAT(story.run.node("m").to_resolve, HasSubstr("'all is well' is not met"));
}

TEST(MergeTask, WhatItMakesIsNotTakenWhereItBreaksTheWorkOfOne) {
  MergeStory story;
  story.of_a = {{"both", "a"}};
  story.of_b = {{"both", "b"}};
  story.of_m = {{{"both", "only b"}}, {{"both", "a and b"}}};
  story.holds = [](const std::string& word, const FakeTrees::Files& files) {
    return word != "check a" || files.at("both").starts_with("a");
  };
  story.tell();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed) << story.run.node("m").reason;
  EXPECT_EQ(story.run.node("m").attempt, 2);
  EXPECT_THAT(story.run.node("m").last_failure,
              HasSubstr("'a works' of 'a' is not met on the resolved merge of 'a' and 'b'"));

  MergeStory never;
  never.of_a = story.of_a;
  never.of_b = story.of_b;
  never.of_m = {{{"both", "only b"}}};
  never.holds = story.holds;
  never.tell();
  EXPECT_EQ(never.run.node("m").outcome, Outcome::Failed);
  EXPECT_EQ(never.run.node("end").outcome, Outcome::Skipped);
}

TEST(MergeTask, MarksThatAreLeftResolveNothing) {
  MergeStory story;
  story.of_a = {{"both", "a"}};
  story.of_b = {{"both", "b"}};
  story.of_m = {{}};
  story.tell();
  EXPECT_EQ(story.run.node("m").outcome, Outcome::Failed);
  EXPECT_THAT(story.run.node("m").reason, HasSubstr("'both' still has the marks of a conflict"));
}

TEST(MergeTask, IsResolvedOnceThoughTheRunIsCutShortAnywhere) {
  const auto make = [] {
    auto story = std::make_unique<MergeStory>();
    story->of_a = {{"both", "a"}};
    story->of_b = {{"both", "b"}};
    story->of_m = {{{"both", "a and b"}}};
    return story;
  };
  const auto whole = make();
  whole->tell();
  ASSERT_EQ(whole->run.state->outcome(), Outcome::Passed);
  for (std::size_t cut = 1; cut <= whole->run.journal.transactions; ++cut) {
    SCOPED_TRACE(cut);
    const auto story = make();
    story->run.journal.appends_left = cut;
    story->tell();
    story->run.journal.appends_left = 1'000'000;
    story->run.restart();
    ASSERT_TRUE(story->run.end);
    EXPECT_EQ(story->run.state->outcome(), Outcome::Passed);
    EXPECT_EQ(story->run.trees.files(story->run.state->result()),
              whole->run.trees.files(whole->run.state->result()));
  }
}

TEST(MergeTask, WhatWasResolvedIsTakenFromTheCacheAndWhatWasNotIsNot) {
  MergeStory story;
  story.of_a = {{"both", "a"}};
  story.of_b = {{"both", "b"}};
  story.of_m = {{{"both", "a and b"}}};
  story.tell();
  ASSERT_EQ(story.run.state->outcome(), Outcome::Passed);
  story.run.journal.lines.clear();
  story.run.engine.started.clear();
  story.run.start();
  EXPECT_EQ(story.run.state->outcome(), Outcome::Passed);
  EXPECT_TRUE(story.run.node("m").reused);
  EXPECT_THAT(story.run.started_words(), IsEmpty());

  // Another criterion of what is merged, and it is resolved anew.
  story.run.plan.nodes[0].criteria = {run_criterion("a works", "check a better")};
  story.run.journal.lines.clear();
  story.run.start();
  EXPECT_FALSE(story.run.node("m").reused);
}

}  // namespace
}  // namespace runner::test
