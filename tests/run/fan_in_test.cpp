#include "runner/run/fan_in.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

/// Tasks that write a file of their own name, and checks "x!a,b" that fail where the tree has all
/// of those files.
void play(RunHarness& run) {
  run.engine.script = [&run](const Job& job) {
    const std::string word = job.argv.back();
    FakeEngine::Answer answer;
    const std::size_t clash = word.find('!');
    if (clash == std::string::npos) {
      if (!word.starts_with("only-look")) {
        run.trees.written[job.name] = {{word, "x"}};
      }
      return answer;
    }
    const auto& files = run.trees.files(run.trees.given.at(job.name));
    std::string rest = word.substr(clash + 1) + ",";
    bool all = true;
    for (std::size_t comma = rest.find(','); comma != std::string::npos; comma = rest.find(',')) {
      all = all && files.contains(rest.substr(0, comma));
      rest.erase(0, comma + 1);
    }
    answer.end.code = all ? 1 : 0;
    return answer;
  };
}

/// A task with one criterion, "x!a,b" as `play` wants it.
dsl::PlanNode proven(const std::string& id,
                     std::vector<dsl::NodeIndex> needs,
                     const std::string& check) {
  dsl::PlanNode node = task(id, std::move(needs), id);
  node.criteria = {run_criterion("c of " + id, check)};
  return node;
}

std::size_t times(const RunHarness& run, const std::string& word) {
  const auto words = run.started_words();
  return static_cast<std::size_t>(std::count(words.begin(), words.end(), word));
}

/// How many trials each criterion of a merge had, and how it stands.
std::vector<std::pair<std::string, FanInStanding>> standings(const RunHarness& run,
                                                             std::size_t fan_in) {
  std::vector<std::pair<std::string, FanInStanding>> all;
  const FanIn& one = run.state->fan_ins().at(fan_in);
  for (const FanInCriterion& criterion : one.criteria) {
    all.emplace_back(run.state->nodes()[criterion.task].id.value,
                     look_at(*run.state, one, criterion).standing);
  }
  return all;
}

TEST(FanIn, VerifiesEveryCriterionOfWhatMeetsBeforeAnythingStartsFromIt) {
  RunHarness run({proven("a", {}, "a!no"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  play(run);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(),
              UnorderedElementsAre("a", "b", "a!no", "b!no", "a!no", "b!no", "c"));
  EXPECT_EQ(run.started_words().back(), "c");
  EXPECT_EQ(run.trees.files(run.node("c").input), (FakeTrees::Files{{"a", "x"}, {"b", "x"}}));
  EXPECT_EQ(run.trees.workspaces, 0U);
}

TEST(FanIn, TwoThatPassAloneAndBreakTogetherAreNamedAndNothingStartsBelow) {
  RunHarness run({proven("a", {}, "a!a,b"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  play(run);
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("b").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("c").outcome, Outcome::Failed);
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_EQ(times(run, "c"), 0U);
  EXPECT_EQ(run.node("c").reason,
            "'c of a' of 'a' is met without the work of 'b', and is not once both are merged: "
            "exit 1; let one of them need the other");
  EXPECT_EQ(times(run, "a!a,b"), 2U);  // alone and merged: with two there is nothing to narrow
}

TEST(FanIn, NarrowsToThePairOfManyThatDoNotGoTogether) {
  RunHarness run({proven("a", {}, "a!no"),
                  proven("b", {}, "b!b,d"),
                  proven("c", {}, "c!no"),
                  proven("d", {}, "d!no"),
                  task("e", {0, 1, 2, 3}, "e")});
  play(run);
  run.start();
  EXPECT_THAT(run.node("e").reason,
              HasSubstr("'c of b' of 'b' is met without the work of 'd', and is not once"));
  // Alone, on all, with a, with c, with d.
  EXPECT_EQ(times(run, "b!b,d"), 5U);
  EXPECT_EQ(times(run, "a!no"), 2U);
  EXPECT_THAT(standings(run, 0),
              ElementsAre(std::pair("a", FanInStanding::Met),
                          std::pair("b", FanInStanding::Broken),
                          std::pair("c", FanInStanding::Met),
                          std::pair("d", FanInStanding::Met)));
}

TEST(FanIn, SaysSoWhereItTakesMoreThanTwo) {
  RunHarness run({proven("a", {}, "a!a,b,c"),
                  proven("b", {}, "b!no"),
                  proven("c", {}, "c!no"),
                  task("e", {0, 1, 2}, "e")});
  play(run);
  run.start();
  EXPECT_THAT(run.node("e").reason,
              HasSubstr("'c of a' of 'a' is not met on the merge of 'a', 'b' and 'c': exit 1"));
}

TEST(FanIn, NamesTheTaskWithinABranchThatBreaksIt) {
  RunHarness run({proven("a", {}, "a!a,b1"),
                  task("b1", {}, "b1"),
                  task("b2", {1}, "b2"),
                  task("c", {0, 2}, "c")});
  play(run);
  run.start();
  EXPECT_THAT(run.node("c").reason, HasSubstr("without the work of 'b1'"));
}

TEST(FanIn, ADiamondWithOneSideThatChangedSomethingPaysNothing) {
  RunHarness run({proven("top", {}, "top!no"),
                  proven("left", {0}, "left!no"),
                  proven("only-look", {0}, "look!no"),
                  task("bottom", {1, 2}, "bottom")});
  play(run);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(
      run.started_words(),
      UnorderedElementsAre("top", "top!no", "left", "left!no", "only-look", "look!no", "bottom"));
  EXPECT_THAT(run.state->fan_ins(), IsEmpty());
}

TEST(FanIn, AChainPaysNothingAndNeitherDoesWhatIsInEveryBranch) {
  // "top" is not met any more after "left": its author meant it so.
  RunHarness run({proven("top", {}, "top!left"),
                  proven("left", {0}, "left!no"),
                  proven("right", {0}, "right!no"),
                  proven("bottom", {1, 2}, "bottom!no"),
                  gate("main", {0, 1, 2, 3})});
  play(run);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed) << run.node("bottom").reason;
  EXPECT_EQ(times(run, "top!left"), 1U);
  EXPECT_EQ(times(run, "left!no"), 2U);
  EXPECT_EQ(times(run, "right!no"), 2U);
  EXPECT_EQ(times(run, "bottom!no"), 1U);
  EXPECT_EQ(run.state->fan_ins().size(), 1U);  // the gate's is the tree of "bottom"
}

TEST(FanIn, WhatABranchPutAsideByItselfIsNotHeldAgainstTheMerge) {
  RunHarness run({proven("red", {}, "red!green"),
                  proven("green", {0}, "green!no"),
                  proven("other", {}, "other!no"),
                  task("end", {1, 2}, "end")});
  play(run);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed) << run.node("end").reason;
  EXPECT_THAT(standings(run, 0),
              ElementsAre(std::pair("red", FanInStanding::Superseded),
                          std::pair("green", FanInStanding::Met),
                          std::pair("other", FanInStanding::Met)));
  EXPECT_EQ(times(run, "red!green"), 3U);  // by itself, on the merge, at the end of its branch
}

TEST(FanIn, WhatNeverMetALaterBranchIsVerifiedWithIt) {
  // "a" and "b" meet first, the two of them meet "c" only then.
  RunHarness run({proven("a", {}, "a!a,c"),
                  proven("b", {}, "b!no"),
                  task("ab", {0, 1}, "ab"),
                  proven("c", {}, "c!no"),
                  task("end", {2, 3}, "end")});
  play(run);
  run.start();
  EXPECT_EQ(run.node("ab").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("end").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("end").reason, HasSubstr("'c of a' of 'a' is met without the work of 'c'"));
}

TEST(FanIn, TheSameMergeIsVerifiedOnceForAllThatStartFromIt) {
  RunHarness run({proven("a", {}, "a!no"),
                  proven("b", {}, "b!no"),
                  task("x", {0, 1}, "x"),
                  task("y", {0, 1}, "y"),
                  task("z", {0, 1}, "z")});
  play(run);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(times(run, "a!no"), 2U);
  EXPECT_EQ(times(run, "b!no"), 2U);
  EXPECT_EQ(run.node("x").fan_in, run.node("z").fan_in);
}

TEST(FanIn, TheResultOfTheRunHasToProveItselfToo) {
  RunHarness run({proven("a", {}, "a!a,b"), proven("b", {}, "b!no")});
  play(run);
  run.start();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Finished);
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_THAT(run.state->reason(), HasSubstr("'c of a' of 'a' is met without the work of 'b'"));
  EXPECT_TRUE(run.state->result().commit.empty());
}

TEST(FanIn, AResultThatHoldsIsVerifiedOnceThoughTheRunIsCutShortAnywhere) {
  const auto nodes = [] { return std::vector{proven("a", {}, "a!no"), proven("b", {}, "b!no")}; };
  RunHarness whole(nodes());
  play(whole);
  whole.start();
  ASSERT_EQ(whole.state->outcome(), Outcome::Passed);
  for (std::size_t cut = 1; cut <= whole.journal.transactions; ++cut) {
    SCOPED_TRACE(cut);
    RunHarness run(nodes());
    play(run);
    run.journal.appends_left = cut;
    run.start();
    run.journal.appends_left = 1'000'000;
    run.restart();
    ASSERT_TRUE(run.end);
    EXPECT_EQ(run.state->outcome(), Outcome::Passed);
    EXPECT_EQ(run.trees.files(run.state->result()), whole.trees.files(whole.state->result()));
    EXPECT_EQ(run.state->fan_ins().size(), 1U);
  }
}

TEST(FanIn, AResumedRunLooksOnlyAtWhatItHasNotSeen) {
  // Killed after the checks of the merge, before what starts from it.
  RunHarness run({proven("a", {}, "a!no"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  play(run);
  run.start();
  const auto is_input = [](const std::string& line) {
    return line.find(R"("kind":"input_ready","node":"c")") != std::string::npos;
  };
  const auto cut = std::find_if(run.journal.lines.begin(), run.journal.lines.end(), is_input);
  ASSERT_NE(cut, run.journal.lines.end());
  run.journal.lines.erase(cut, run.journal.lines.end());
  run.engine.started.clear();
  run.cache.results.clear();  // it is the journal that knows
  run.restart();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("c"));
}

TEST(FanIn, OneSlotAndAPoolOfOneAreEnough) {
  std::vector<dsl::PlanNode> nodes{
      proven("a", {}, "a!no"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")};
  for (dsl::PlanNode& node : nodes) {
    node.pool = "one";
  }
  RunHarness run(nodes);
  run.plan.pools["one"] = 1;
  run.slots = 8;
  play(run);
  run.start();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.engine.most_running, 1U);
  EXPECT_EQ(run.state->pool_use("one"), 0);

  RunHarness slow({proven("a", {}, "a!no"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  slow.slots = 1;
  play(slow);
  slow.start();
  ASSERT_TRUE(slow.end);
  EXPECT_EQ(slow.state->outcome(), Outcome::Passed);
  EXPECT_EQ(slow.engine.most_running, 1U);
}

TEST(FanIn, AFileIsJudgedOnTheMergeAndADiffAndAPersonsWordAreNot) {
  RunHarness run({task("a", {}, "a"), task("b", {}, "b"), task("c", {0, 1}, "c")});
  dsl::Criterion file;
  file.text = "no b here";
  dsl::FileCheck absent;
  absent.path = "b";
  absent.exists = false;
  file.check = absent;
  dsl::Criterion diff;
  diff.text = "only a";
  dsl::DiffCheck only;
  only.only = {"a"};
  diff.check = only;
  run.plan.nodes[0].criteria = {diff, file};
  play(run);
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  EXPECT_THAT(run.node("c").reason,
              AllOf(HasSubstr("'no b here' of 'a' is met without the work of 'b'"),
                    Not(HasSubstr("only a"))));
}

/// The daemon is gone whenever that word is to run on a tree of two files.
void lose_on_merges(RunHarness& run, const std::string& word, const bool& gone) {
  run.engine.script = [&run, &gone, word, usual = run.engine.script](const Job& job) {
    FakeEngine::Answer answer = usual(job);
    if (gone && job.argv.back() == word &&
        run.trees.files(run.trees.given.at(job.name)).size() == 2) {
      answer.end.how = JobEnd::How::Lost;
      answer.end.detail = "the daemon is gone";
    }
    return answer;
  };
}

TEST(FanIn, ACheckThatTheWorldPreventsIsNoFailureAndIsMadeAgain) {
  RunHarness run({proven("a", {}, "a!no"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  play(run);
  bool gone = true;
  lose_on_merges(run, "b!no", gone);
  run.start();
  EXPECT_EQ(run.node("c").outcome, Outcome::Errored);
  EXPECT_EQ(run.state->outcome(), Outcome::Errored);
  EXPECT_THAT(run.node("c").reason,
              HasSubstr("'c of b' of 'b' could not be verified on the merge of 'a' and 'b'"));
  run.restart();  // still gone
  EXPECT_EQ(run.state->outcome(), Outcome::Errored);

  gone = false;
  run.engine.started.clear();
  run.restart();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed) << run.node("c").reason;
  EXPECT_THAT(run.started_words(), ElementsAre("b!no", "c"));
  EXPECT_EQ(run.state->fan_ins().size(), 1U);
}

TEST(FanIn, AResultThatCouldNotBeVerifiedIsVerifiedByResume) {
  RunHarness run({proven("a", {}, "a!no"), proven("b", {}, "b!no")});
  play(run);
  bool gone = true;
  lose_on_merges(run, "b!no", gone);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Errored);
  EXPECT_TRUE(run.state->result().commit.empty());

  gone = false;
  run.engine.started.clear();
  run.restart();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed) << run.state->reason();
  EXPECT_THAT(run.started_words(), ElementsAre("b!no"));
}

TEST(FanIn, WhatIsSurelyBrokenIsAFailureWhateverElseWasLost) {
  RunHarness run({proven("a", {}, "a!a,b"), proven("b", {}, "b!no"), task("c", {0, 1}, "c")});
  play(run);
  const bool gone = true;
  lose_on_merges(run, "b!no", gone);
  run.start();
  EXPECT_EQ(run.node("c").outcome, Outcome::Failed);
  run.engine.started.clear();
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_THAT(run.started_words(), IsEmpty());
}

/// Two that meet, and a person who sends the first back.
struct SentBackStory {
  RunHarness run{{proven("a", {}, "a!no"),
                  proven("b", {}, "b!no"),
                  task("c", {0, 1}, "c"),
                  task("ask", {2}, "")}};

  void tell() {
    run.plan.nodes[3].command = {};
    run.plan.nodes[3].kind = dsl::NodeKind::Approval;
    run.plan.nodes[3].approval = "good?";
    play(run);
    run.start();
    ASSERT_EQ(run.end->how, RunEnd::How::Waiting);
    ASSERT_EQ(times(run, "b!no"), 2U);
    ASSERT_TRUE(run.record(
        PersonAnswered{dsl::NodeId("ask"), -1, false, "ann", "again", "ann", {dsl::NodeId("a")}}));
    run.restart();
    ASSERT_EQ(run.end->how, RunEnd::How::Waiting);
    EXPECT_EQ(run.state->fan_ins().size(), 2U);
    EXPECT_TRUE(run.state->fan_ins()[0].stale);
    EXPECT_EQ(run.node("c").fan_in, 1U);
  }
};

TEST(FanIn, AMergeOfWorkThatIsDoneAgainIsVerifiedAnew) {
  SentBackStory story;
  story.run.reuse = false;
  story.tell();
  EXPECT_EQ(times(story.run, "b!no"), 3U);
}

TEST(FanIn, EvidenceOfTheSameFilesIsTakenFromTheCache) {
  SentBackStory story;
  story.tell();
  EXPECT_EQ(times(story.run, "b!no"), 2U);
  const FanIn& again = story.run.state->fan_ins()[1];
  ASSERT_EQ(again.criteria.size(), 2U);
  EXPECT_EQ(again.criteria[1].trials[0].verdict, Verdict::Met);
  EXPECT_EQ(again.criteria[1].trials[0].from_run, dsl::RunId("calm-otter-0001"));
}

TEST(FanIn, InstancesOfAForEachAreTasksLikeOthers) {
  RunHarness run({task("each", {}, "each"), task("end", {0}, "end")});
  run.plan.nodes[0].for_each = "fromJSON('[\"p\", \"q\"]')";
  run.plan.nodes[0].criteria = {run_criterion("alone", "each!x0,x1")};
  play(run);
  const auto usual = run.engine.script;
  run.engine.script = [&run, usual](const Job& job) {
    FakeEngine::Answer answer = usual(job);
    if (job.argv.back() == "each") {
      run.trees.written[job.name] = {{"x" + job.node.value.substr(5, 1), "x"}};
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("each").outcome, Outcome::Passed) << run.node("each").reason;
  EXPECT_EQ(run.node("end").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("end").reason,
              HasSubstr("'alone' of 'each[0]' is met without the work of 'each[1]'"));
}

TEST(FanIn, TheJobsOfItsChecksHaveNamesOfTheirOwn) {
  RunHarness run({proven("a", {}, "a!a,c"),
                  proven("b", {}, "b!no"),
                  proven("c", {}, "c!no"),
                  task("e", {0, 1, 2}, "e")});
  play(run);
  run.start();
  std::set<std::string> names;
  std::set<std::string> logs;
  for (const Job& job : run.engine.started) {
    names.insert(job.name.value);
    logs.insert(job.log_path);
  }
  EXPECT_EQ(names.size(), run.engine.started.size());
  EXPECT_EQ(logs.size(), run.engine.started.size());
}

}  // namespace
}  // namespace runner::test
