#include "runner/run/run_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/plan_words.h"
#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::_;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;
using testing::UnorderedElementsAre;

JobEnd exit_with(int code) {
  JobEnd end;
  end.code = code;
  return end;
}

/// Jobs whose last word is in `words` exit with 1.
auto failing(std::vector<std::string> words) {
  return [words](const Job& job) {
    FakeEngine::Answer answer;
    if (std::find(words.begin(), words.end(), job.argv.back()) != words.end()) {
      answer.end = exit_with(1);
    }
    return answer;
  };
}

dsl::Template expression(const std::string& text) {
  dsl::Template made;
  made.pieces = {{dsl::Template::Piece::Kind::Expression, text}};
  return made;
}

TEST(RunLoop, RunsNodesInTheOrderOfTheirNeeds) {
  RunHarness run({task("a", {}, "one"), task("b", {0}, "two"), gate("main", {1})});
  run.start();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Finished);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("one", "two"));
  EXPECT_EQ(run.trees.workspaces, 0U);
}

TEST(RunLoop, DoesNotMoveDownstreamBeforeEveryCriterionIsMet) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  run.plan.nodes[0].criteria = {run_criterion("first", "check1"),
                                run_criterion("second", "check2")};
  run.engine.script = failing({"check2"});
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("a").reason, HasSubstr("'second' is not met: exit 1"));
  EXPECT_EQ(run.node("b").outcome, Outcome::Skipped);
  EXPECT_THAT(run.node("b").reason, HasSubstr("needs 'a', which failed"));
  EXPECT_THAT(run.started_words(), UnorderedElementsAre("work", "check1", "check2"));
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
}

dsl::Secret secret(const std::string& name, dsl::Secret::Expose expose) {
  dsl::Secret result;
  result.name = name;
  result.expose = expose;
  return result;
}

TEST(RunLoop, GivesAJobATokenUnlessItIsToSeeTheValue) {
  RunHarness run({task("a", {}, "work"), task("b", {}, "plain")});
  run.plan.nodes[0].secrets = {secret("SENT", dsl::Secret::Expose::No),
                               secret("SEEN", dsl::Secret::Expose::Variable),
                               secret("FILED", dsl::Secret::Expose::File)};
  run.plan.nodes[0].criteria = {run_criterion("first", "check")};
  run.secrets.know("SENT", "value-that-is-sent");
  run.secrets.know("SEEN", "value-that-is-seen");
  run.secrets.know("FILED", "value-in-a-file");
  run.start();
  ASSERT_EQ(run.engine.started.size(), 3U);
  for (const Job& job : run.engine.started) {
    EXPECT_EQ(job.masking, &run.secrets.masking());
    if (job.argv.back() == "plain") {
      EXPECT_THAT(job.env, Not(Contains(Pair("SEEN", _))));
      EXPECT_THAT(job.secret_files, IsEmpty());
      continue;
    }
    EXPECT_THAT(job.env, Contains(Pair("SENT", testing::StartsWith("token-"))));
    EXPECT_THAT(job.env, Contains(Pair("SEEN", "value-that-is-seen")));
    EXPECT_THAT(job.secret_files, ElementsAre(Pair("FILED", "value-in-a-file")));
  }
  EXPECT_EQ(run.secrets.tokens, 2);  // one for each job
  EXPECT_THAT(run.secrets.asked, Not(Contains("SENT")));
}

TEST(RunLoop, LosesAJobWhoseSecretCannotBeHad) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].secrets = {secret("GONE", dsl::Secret::Expose::Variable)};
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Errored);
  EXPECT_THAT(run.node("a").reason, HasSubstr("no value of GONE"));
  EXPECT_THAT(run.engine.started, IsEmpty());
}

TEST(RunLoop, WritesNoSecretIntoTheJournal) {
  RunHarness run({task("a", {}, "work")});
  run.secrets.know("SEEN", "value-that-is-seen");
  run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.end = exit_with(0);
    answer.end.how = JobEnd::How::NotStarted;
    answer.end.detail = "cannot execute value-that-is-seen";
    return answer;
  };
  run.start();
  EXPECT_THAT(run.node("a").reason, HasSubstr("cannot execute ***"));
  for (const std::string& line : run.journal.lines) {
    EXPECT_THAT(line, Not(HasSubstr("value-that")));
  }
}

TEST(RunLoop, CostsNoMaskingWhereNothingIsSecret) {
  RunHarness run({task("a", {}, "work")});
  run.start();
  ASSERT_EQ(run.engine.started.size(), 1U);
  EXPECT_EQ(run.engine.started[0].masking, nullptr);
}

TEST(RunLoop, KeepsCachesOfVerifiedNodesOnly) {
  RunHarness run({task("good", {}, "one"), task("bad", {}, "two"), task("none", {}, "three")});
  run.plan.nodes[0].caches = {{dsl::Template("key"), {"~/.ccache"}}};
  run.plan.nodes[1].caches = run.plan.nodes[0].caches;
  run.plan.nodes[1].criteria = {run_criterion("checked", "check")};
  run.engine.script = failing({"check"});
  run.start();
  EXPECT_EQ(run.node("bad").outcome, Outcome::Failed);
  ASSERT_EQ(run.trees.kept_caches.size(), 1U);
  ASSERT_EQ(run.trees.dropped_caches.size(), 1U);
  EXPECT_EQ(run.trees.kept_caches[0], run.engine.started[0].name);
  EXPECT_EQ(run.trees.dropped_caches[0], run.engine.started[1].name);
  EXPECT_TRUE(run.end) << "and waits for it";
}

TEST(RunLoop, HandsTheVerifiedTreeDownstream) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  run.engine.script = [&run](const Job& job) {
    if (job.argv.back() == "work") {
      run.trees.written[job.name] = {{"x", "1"}};
    }
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.trees.files(run.node("b").input), (FakeTrees::Files{{"x", "1"}}));
  EXPECT_EQ(run.trees.files(run.state->result()), (FakeTrees::Files{{"x", "1"}}));
}

TEST(RunLoop, AConflictOfTwoNeedsNamesTheFileAndBothNodes) {
  RunHarness run({task("a", {}, "left"), task("b", {}, "right"), task("c", {0, 1}, "join")});
  run.engine.script = [&run](const Job& job) {
    run.trees.written[job.name] = {{"same.txt", job.argv.back()}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.node("c").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("c").reason,
              HasSubstr("'same.txt' was changed by both 'a' and 'b'; let one of them need the "
                        "other, or write to different files"));
}

TEST(RunLoop, KeepsToItsSlots) {
  std::vector<dsl::PlanNode> nodes;
  for (int i = 0; i < 20; ++i) {
    nodes.push_back(task("t" + std::to_string(i), {}, "work"));
  }
  RunHarness run(std::move(nodes));
  run.slots = 3;
  run.engine.script = [](const Job&) { return FakeEngine::Answer{{}, {10}}; };
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.engine.most_running, 3U);
}

TEST(RunLoop, APoolHoldsBackWhatItHasNoRoomFor) {
  RunHarness run({task("a", {}, "one"), task("b", {}, "two"), task("c", {}, "three")});
  run.slots = 8;
  run.plan.pools["db"] = 1;
  run.plan.nodes[0].pool = "db";
  run.plan.nodes[1].pool = "db";
  run.engine.script = [](const Job&) { return FakeEngine::Answer{{}, {10}}; };
  run.start();
  EXPECT_THAT(run.started_words(), ElementsAre("one", "three"));
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(RunLoop, StartsTheLongestRemainingPathFirst) {
  RunHarness run({task("short", {}, "short"),
                  task("long1", {}, "long1"),
                  task("long2", {1}, "l2"),
                  task("long3", {2}, "l3")});
  run.slots = 1;
  run.start();
  EXPECT_THAT(run.started_words(), ElementsAre("long1", "l2", "short", "l3"));
}

TEST(RunLoop, RetriesWithBackoffThatDoubles) {
  RunHarness run({task("a", {}, "flaky")});
  run.plan.nodes[0].retry.attempts = 3;
  run.plan.nodes[0].retry.backoff = {4'000};
  run.engine.script = failing({"flaky"});
  run.start();
  EXPECT_EQ(run.engine.started.size(), 1U);
  run.clock.advance({4'000});
  EXPECT_EQ(run.engine.started.size(), 2U);
  run.clock.advance({7'999});
  EXPECT_EQ(run.engine.started.size(), 2U);
  run.clock.advance({1});
  EXPECT_EQ(run.engine.started.size(), 3U);
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
}

TEST(RunLoop, WhatATaskDidAtProtectedPathsIsNotTakenAndTold) {
  RunHarness run({task("a", {}, "agent")});
  run.plan.nodes[0].workspace.protect = {"checks/"};
  run.plan.nodes[0].retry.attempts = 2;
  run.plan.nodes[0].retry.feedback = true;
  run.plan.nodes[0].criteria = {run_criterion("the tests pass", "check")};
  JobName second;
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "agent") {
      run.trees.written[job.name] = {{"checks/c", "exit 0"}, {"x", "1"}};
      second = job.name;
    } else {
      answer.end = exit_with(1);
    }
    return answer;
  };
  run.start();
  run.run_to_end();

  const std::string note = "changes to protected 'checks/c' were not taken";
  ASSERT_TRUE(run.node("a").last);
  EXPECT_EQ(run.trees.files(run.node("a").last->produced), (FakeTrees::Files{{"x", "1"}}));
  EXPECT_THAT(run.node("a").last->notes, ElementsAre(note));
  EXPECT_THAT(run.files.written["/fake-scratch/" + second.value + "/feedback.md"], HasSubstr(note));
}

TEST(RunLoop, AJobThatFillsTheDiskIsEndedAtItsLimit) {
  RunHarness run({task("a", {}, "greedy")});
  run.plan.nodes[0].resources.disk = dsl::Bytes{1'000'000};
  run.engine.script = [&](const Job& job) {
    run.trees.on_disk[job.name] = 2'000'000;
    FakeEngine::Answer answer;
    answer.takes = {60'000};
    return answer;
  };
  run.start();
  run.clock.advance({2'000});
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_EQ(run.node("a").reason, "out of disk: it wrote more than its limit of 1MB");
}

TEST(RunLoop, WhatAJobWroteAtLastCountsToo) {
  RunHarness run({task("a", {}, "greedy"), task("b", {}, "modest")});
  for (dsl::PlanNode& node : run.plan.nodes) {
    node.resources.disk = dsl::Bytes{1'000'000};
  }
  run.engine.script = [&](const Job& job) {
    run.trees.on_disk[job.name] = job.argv.back() == "greedy" ? 1'000'001 : 1'000'000;
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(run.node("b").outcome, Outcome::Passed);
}

TEST(RunLoop, ATimeoutTellsItsLimitBesideHowLongItTook) {
  RunHarness run({task("a", {}, "slow")});
  run.plan.nodes[0].timeout = dsl::Duration{1'000};
  run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.end.how = JobEnd::How::TimedOut;
    answer.end.took = dsl::Duration{6'000};
    return answer;
  };
  run.start();
  run.run_to_end();
  EXPECT_THAT(run.node("a").reason, HasSubstr("timed out: its limit is 1s, it had ended after 6"));
}

TEST(RunLoop, FeedbackTellsTheNextAttemptWhatFailedAndLetsItGoOn) {
  RunHarness run({task("a", {}, "agent")});
  run.plan.nodes[0].retry.attempts = 2;
  run.plan.nodes[0].retry.feedback = true;
  run.plan.nodes[0].criteria = {run_criterion("the tests pass", "check")};
  int checks = 0;
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "agent") {
      run.trees.written[job.name] = {{"n" + std::to_string(run.engine.started.size()), "x"}};
    } else {
      run.files.logs["a.1.criterion-1.log"] = "assertion failed: 1 != 2\n";
      answer.end = exit_with(++checks == 1 ? 1 : 0);
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(run.trees.files(run.node("a").tree).size(), 2U) << "both attempts' files are there";
  const Job& second = run.engine.started.at(2);
  const std::string feedback =
      run.files.written["/fake-scratch/" + second.name.value + "/feedback.md"];
  EXPECT_THAT(feedback, HasSubstr("- [ ] the tests pass"));
  EXPECT_THAT(feedback, HasSubstr("result: exit 1"));
  EXPECT_THAT(feedback, HasSubstr("assertion failed: 1 != 2"));
  bool in_environment = false;
  for (const auto& [name, value] : second.env) {
    in_environment = in_environment || (name == "PIPE_FEEDBACK_TEXT" && value == feedback);
  }
  EXPECT_TRUE(in_environment);
}

/// Says what the test tells it to, whatever it reads; ends with the first "END".
class ScriptedReader final : public AgentReader {
 public:
  explicit ScriptedReader(AgentOutcome outcome) : outcome_(std::move(outcome)) {}
  void read(std::string_view bytes) override {
    ended_ = ended_ || bytes.find("END") != std::string_view::npos;
  }
  [[nodiscard]] bool has_ended() const override { return ended_; }
  AgentOutcome conclude(const JobEnd&) override { return outcome_; }

 private:
  AgentOutcome outcome_;
  bool ended_ = false;
};

/// One task whose command is an agent's, with feedback and a second attempt.
struct AgentRun {
  RunHarness run{{task("a", {}, "agent")}};
  AgentOutcome outcome;
  dsl::PlanNode& plan = run.plan.nodes[0];

  AgentRun() {
    outcome.reason = dsl::AgentReason::Done;
    outcome.session = "session-1";
    plan.agent = dsl::Agent{
        "", dsl::Template(" do $(this) \"well\" "), "", {}, {"~/.agent"}, {}, {}, {}, {}};
    plan.retry.attempts = 2;
    plan.retry.feedback = true;
    run.agents = [this](const dsl::Agent&) { return std::make_unique<ScriptedReader>(outcome); };
  }
  [[nodiscard]] std::string prompt(std::size_t job) {
    return run.files
        .written["/fake-scratch/" + run.engine.started.at(job).name.value + "/prompt.md"];
  }
  [[nodiscard]] std::string variable(std::size_t job, const std::string& wanted) const {
    for (const auto& [name, value] : run.engine.started.at(job).env) {
      if (name == wanted) {
        return value;
      }
    }
    return "";
  }
};

TEST(RunLoop, AnAgentFindsItsPromptInAFileAsItIs) {
  AgentRun agent;
  agent.run.start();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.prompt(0), "do $(this) \"well\"\n");
  EXPECT_THAT(agent.variable(0, "PIPE_PROMPT"), HasSubstr("/prompt.md"));
  EXPECT_EQ(agent.variable(0, "PIPE_SESSION"), "");
}

TEST(RunLoop, APromptFileIsReadFromTheInputOfTheTask) {
  AgentRun agent;
  agent.plan.agent->prompt_file = "plans/task.md";
  agent.run.start();
  EXPECT_THAT(agent.run.node("a").reason, HasSubstr("'plans/task.md' is not in the task's input"));
}

TEST(RunLoop, AnAgentThatIsNotDoneFailsTheAttemptAtExit0) {
  AgentRun agent;
  agent.plan.retry = {};
  agent.outcome.reason = dsl::AgentReason::Denied;
  agent.outcome.denials = {"Write"};
  agent.run.start();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(agent.run.node("a").reason, "the agent stopped: denied (Write)");
  EXPECT_EQ(agent.run.node("a").last->agent, agent.outcome);
}

TEST(RunLoop, WhatAnotherAttemptCannotMendIsNotTriedAgain) {
  for (const auto& [reason, attempts] : {std::pair(dsl::AgentReason::Auth, 1),
                                         {dsl::AgentReason::Budget, 1},
                                         {dsl::AgentReason::Unpriced, 1},
                                         {dsl::AgentReason::Turns, 2},
                                         {dsl::AgentReason::Crash, 2}}) {
    AgentRun agent;
    agent.outcome.reason = reason;
    agent.run.start();
    EXPECT_EQ(agent.run.node("a").outcome, Outcome::Failed);
    EXPECT_EQ(agent.run.node("a").attempt, attempts) << dsl::word_of(reason);
  }
}

TEST(RunLoop, FeedbackGoesOnWithTheAgentsSession) {
  AgentRun agent;
  agent.plan.criteria = {run_criterion("the tests pass", "check")};
  int checks = 0;
  agent.run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "check") {
      agent.run.files.logs["a.1.criterion-1.log"] = "assertion failed: 1 != 2\n";
      answer.end = exit_with(++checks == 1 ? 1 : 0);
    }
    return answer;
  };
  agent.run.start();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.variable(2, "PIPE_SESSION"), "session-1");
  EXPECT_THAT(agent.prompt(2), HasSubstr("assertion failed: 1 != 2"));
  EXPECT_THAT(agent.prompt(2), Not(HasSubstr("do $(this)"))) << "it knows what it was asked";
}

TEST(RunLoop, AFollowUpIsToldInTheSessionOfTheRunBefore) {
  AgentRun agent;
  agent.plan.agent->follow_up = dsl::FollowUp{"and then this", "earlier", "session-0"};
  agent.run.start();
  EXPECT_EQ(agent.variable(0, "PIPE_SESSION"), "session-0");
  EXPECT_EQ(agent.prompt(0), "and then this\n");
  AgentRun anew;
  anew.plan.agent->follow_up = dsl::FollowUp{"and then this", "", ""};
  anew.run.start();
  EXPECT_EQ(anew.variable(0, "PIPE_SESSION"), "");
  EXPECT_EQ(anew.prompt(0), "do $(this) \"well\"\n\nand then this\n");
}

TEST(RunLoop, WithoutASessionTheAgentIsToldAllAgain) {
  AgentRun agent;
  agent.outcome.session = "";
  agent.plan.criteria = {run_criterion("the tests pass", "check")};
  agent.run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    answer.end = exit_with(job.argv.back() == "check" ? 1 : 0);
    return answer;
  };
  agent.run.start();
  EXPECT_EQ(agent.variable(2, "PIPE_SESSION"), "");
  EXPECT_THAT(agent.prompt(2), HasSubstr("do $(this)"));
  EXPECT_THAT(agent.prompt(2), HasSubstr("- [ ] the tests pass"));
}

/// A job that writes `output` at once and then never ends.
void hang_after(RunHarness& run, const std::string& output) {
  run.engine.script = [output](const Job& job) {
    if (job.on_output) {
      job.on_output(output);
    }
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{100LL * 3600 * 1000};
    return answer;
  };
}

TEST(RunLoop, ATaskThatWritesNothingForTooLongIsStopped) {
  RunHarness run({task("a", {}, "silent")});
  run.plan.nodes[0].idle_timeout = dsl::Duration{60'000};
  hang_after(run, "a word");
  run.start();
  run.clock.advance({59'000});
  EXPECT_EQ(run.engine.running, 1U);
  run.clock.advance({2'000});
  EXPECT_EQ(run.engine.running, 0U);
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(run.node("a").reason, "stopped: it had written nothing for 1m");
}

TEST(RunLoop, EveryByteOfOutputPutsTheIdleLimitOff) {
  RunHarness run({task("a", {}, "talker")});
  run.plan.nodes[0].idle_timeout = dsl::Duration{60'000};
  std::function<void(std::string_view)> say;
  run.engine.script = [&](const Job& job) {
    say = job.on_output;
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{300'000};
    return answer;
  };
  run.start();
  for (int i = 0; i < 6; ++i) {
    run.clock.advance({50'000});
    say(".");
  }
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
}

TEST(RunLoop, AnAgentThatHangsAfterItsLastWordIsStoppedAndItsWorkIsChecked) {
  AgentRun agent;
  agent.plan.criteria = {run_criterion("the tests pass", "check")};
  agent.run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "agent") {
      job.on_output("END\n");
      answer.takes = dsl::Duration{100LL * 3600 * 1000};
    }
    return answer;
  };
  agent.run.start();
  agent.run.clock.advance({29'000});
  EXPECT_EQ(agent.run.engine.running, 1U);
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.node("a").last->end.how, JobEnd::How::Idle);
}

TEST(RunLoop, AnAgentThatChattersAfterItsLastWordIsStoppedAsWell) {
  AgentRun agent;
  std::function<void(std::string_view)> say;
  agent.run.engine.script = [&](const Job& job) {
    job.on_output("END\n");
    say = job.on_output;
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{100LL * 3600 * 1000};
    return answer;
  };
  agent.run.start();
  for (int i = 0; i < 31 && agent.run.engine.running > 0; ++i) {
    say("a hook of mine says something\n");
    agent.run.clock.advance({1'000});
  }
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_LT(agent.run.clock.monotonic_ms(), 60'000);
}

TEST(RunLoop, ACriterionThatIsMetBeforeTheWorkProvesNothing) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].criteria = {run_criterion("new test", "check")};
  run.plan.nodes[0].criteria[0].red_first = true;
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_THAT(run.node("a").reason, HasSubstr("is met before the work"));
  EXPECT_THAT(run.started_words(), ElementsAre("check")) << "nothing was spent on the work";
}

TEST(RunLoop, RedThenGreenIsRecordedAsEvidence) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].criteria = {run_criterion("new test", "check")};
  run.plan.nodes[0].criteria[0].red_first = true;
  int checks = 0;
  run.engine.script = [&checks](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "check") {
      answer.end = exit_with(checks++ == 0 ? 1 : 0);
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  EXPECT_TRUE(run.node("a").criteria[0].evidence.was_red);
}

TEST(RunLoop, ALostContainerIsTheWorldsFault) {
  RunHarness run({task("a", {}, "work")});
  run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.end.how = JobEnd::How::Lost;
    answer.end.detail = "no daemon";
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Errored);
  EXPECT_EQ(run.state->outcome(), Outcome::Errored);
}

TEST(RunLoop, WhatFailedWithoutRoomToWriteIsTheWorldsFault) {
  RunHarness run({task("a", {}, "work")});
  run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.end = exit_with(1);
    return answer;
  };
  run.files.room = dsl::Error{"no space is left", "free some"};
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Errored);
  EXPECT_THAT(run.node("a").reason, HasSubstr("no space is left; free some"));
}

TEST(RunLoop, ACheckThatWasLostIsMadeAgainByAResumedRun) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].criteria = {run_criterion("it holds", "check")};
  bool broken = true;
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    answer.end = exit_with(broken && job.argv.back() == "check" ? 1 : 0);
    return answer;
  };
  run.files.room = dsl::Error{"no space is left", ""};
  run.start();
  ASSERT_EQ(run.node("a").criteria[0].verdict, Verdict::Unverified);
  EXPECT_EQ(run.node("a").outcome, Outcome::Errored);
  broken = false;
  run.files.room = dsl::Ok{};
  run.restart();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
}

TEST(RunLoop, AResumedRunDoesWhatWasLostAgainAndNothingElse) {
  RunHarness run({task("a", {}, "fine"),
                  task("b", {0}, "lost"),
                  task("c", {1}, "after"),
                  gate("main", {0, 1, 2})});
  bool broken = true;
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (broken && job.argv.back() == "lost") {
      answer.end.how = JobEnd::How::Lost;
      answer.end.detail = "no space left on device";
    }
    return answer;
  };
  run.start();
  ASSERT_EQ(run.state->outcome(), Outcome::Errored);
  ASSERT_EQ(run.node("c").outcome, Outcome::Skipped);
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Errored) << "nothing was mended";
  broken = false;
  run.engine.started.clear();
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("lost", "after"));
  EXPECT_EQ(run.node("b").attempt, 3);
  EXPECT_EQ(run.node("main").outcome, Outcome::Passed);
}

TEST(RunLoop, AResumedRunDoesOnlyTheLostItemsOfAForEachAgain) {
  RunHarness run({task("all", {}, "item"), task("next", {0}, "after")});
  run.plan.nodes[0].for_each = "fromJSON('[1, 2]')";
  run.reuse = false;
  int jobs = 0;
  run.engine.script = [&](const Job&) {
    FakeEngine::Answer answer;
    answer.end.how = ++jobs == 2 ? JobEnd::How::Lost : JobEnd::How::Exited;
    return answer;
  };
  run.start();
  ASSERT_EQ(run.node("all[1]").outcome, Outcome::Errored);
  ASSERT_EQ(run.node("next").outcome, Outcome::Skipped);
  run.engine.started.clear();
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("item", "after"));
}

TEST(RunLoop, AllowedFailureLetsDependantsStartFromWhatItStartedFrom) {
  RunHarness run({task("a", {}, "good"), task("b", {0}, "bad"), task("c", {1}, "next")});
  run.plan.nodes[1].allow_failure = true;
  run.engine.script = [&run](const Job& job) {
    run.trees.written[job.name] = {{job.argv.back(), "x"}};
    FakeEngine::Answer answer;
    answer.end = exit_with(job.argv.back() == "bad" ? 1 : 0);
    return answer;
  };
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.trees.files(run.node("c").input), (FakeTrees::Files{{"good", "x"}}));
}

TEST(RunLoop, AConditionDecidesAndItsReasonIsKept) {
  RunHarness run(
      {task("a", {}, "bad"), task("cleanup", {0}, "clean"), task("never", {0}, "never")});
  run.plan.nodes[1].condition = "failure()";
  run.plan.nodes[2].condition = "1 == 2";
  run.engine.script = failing({"bad"});
  run.start();
  EXPECT_EQ(run.node("cleanup").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("never").outcome, Outcome::Skipped);
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
}

TEST(RunLoop, OutputsFlowIntoLaterCommandsAsValues) {
  RunHarness run({task("a", {}, "make"), task("b", {0}, "use")});
  run.plan.nodes[0].outputs = {{"version", "", dsl::ValueType::String}};
  run.plan.nodes[1].env = {{"V", {}}};
  run.plan.nodes[1].env[0].value.pieces = {
      {dsl::Template::Piece::Kind::Expression, "needs.a.outputs.version"}};
  const std::string hostile = "1\"; touch marker; # ${{ x }}";
  run.engine.script = [&](const Job& job) {
    run.trees.outputs[job.name] = {{"version", hostile + "\n"}};
    return FakeEngine::Answer{};
  };
  run.start();
  const auto& env = run.engine.started.at(1).env;
  EXPECT_THAT(env, testing::Contains(std::make_pair(std::string("V"), hostile)));
}

// Linux starts no program with a longer variable or word; that failure says nothing to anybody.
TEST(RunLoop, AnOutputThatIsTooLongForAVariableFailsItsReaderBeforeItStarts) {
  RunHarness run({task("a", {}, "make"), task("b", {0}, "use"), task("c", {0}, "use")});
  run.plan.nodes[0].outputs = {{"list", "", dsl::ValueType::String}};
  run.plan.nodes[1].env = {{"V", expression("needs.a.outputs.list")}};
  run.plan.nodes[2].command.argv.push_back(expression("needs.a.outputs.list"));
  run.engine.script = [&](const Job& job) {
    run.trees.outputs[job.name] = {{"list", std::string(131'070, 'x')}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.node("b").outcome, Outcome::Failed);
  EXPECT_EQ(
      run.node("b").reason,
      "env V: '${{ needs.a.outputs.list }}' has 131070 bytes, and Linux takes 131071 with the "
      "name of a variable; let 'a' write it to a file of the workspace, and read that file "
      "here");
  EXPECT_EQ(run.node("c").outcome, Outcome::Passed) << "a word has no name";
  EXPECT_EQ(run.engine.started.size(), 2U);
}

TEST(RunLoop, AConditionTakesAnOutputOfAnyLength) {
  RunHarness run({task("a", {}, "make"), task("b", {0}, "use")});
  run.plan.nodes[0].outputs = {{"list", "", dsl::ValueType::String}};
  run.plan.nodes[1].condition = "endsWith(needs.a.outputs.list, 'xy')";
  run.engine.script = [&](const Job& job) {
    run.trees.outputs[job.name] = {{"list", std::string(900'000, 'x') + "y"}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.node("b").outcome, Outcome::Passed);
}

TEST(RunLoop, AnOutputWithANulByteFailsTheTask) {
  RunHarness run({task("a", {}, "make")});
  run.plan.nodes[0].outputs = {{"version", "", dsl::ValueType::String}};
  run.engine.script = [&](const Job& job) {
    run.trees.outputs[job.name] = {{"version", std::string("a\0c", 3)}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.node("a").reason,
            "output 'version' ($PIPE_OUTPUTS/version): it holds a NUL byte, which no variable can");
}

TEST(RunLoop, AnOutputThatWouldBeAnotherNumberFailsTheTask) {
  for (const auto& [type, text] :
       {std::pair(dsl::ValueType::Number, "9007199254740993"),
        std::pair(dsl::ValueType::Json, "{\"ids\": [1, -12345678901234567890]}")}) {
    RunHarness run({task("a", {}, "make")});
    run.plan.nodes[0].outputs = {{"version", "", type}};
    run.engine.script = [&, text = std::string(text)](const Job& job) {
      run.trees.outputs[job.name] = {{"version", text}};
      return FakeEngine::Answer{};
    };
    run.start();
    EXPECT_THAT(run.node("a").reason, HasSubstr("is beyond 2^53, where numbers are not exact"));
  }
}

TEST(RunLoop, ANulInAnArgumentFailsTheTask) {
  RunHarness run({task("a", {}, "make")});
  run.plan.nodes[0].command.argv.emplace_back(std::string("test a = a\0b", 12));
  run.start();
  EXPECT_THAT(run.node("a").reason, HasSubstr("the command: its text holds a NUL character"));
}

TEST(RunLoop, AnOutputThatIsMissingFailsTheTask) {
  RunHarness run({task("a", {}, "make")});
  run.plan.nodes[0].outputs = {{"version", "", dsl::ValueType::String}};
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(run.node("a").reason, "output 'version' ($PIPE_OUTPUTS/version): no such file");
}

/// `read` is a task that is skipped; the node at `reader` has `text` in its environment.
void read_outputs_of(RunHarness& run, std::size_t read, std::size_t reader) {
  run.plan.nodes[read].outputs = {{"version", "", dsl::ValueType::String}};
  run.plan.nodes[reader].env = {
      {"V", expression("needs." + run.plan.nodes[read].task + ".outputs.version")}};
}

TEST(RunLoop, ATaskThatReadsTheOutputsOfASkippedOneIsSkipped) {
  RunHarness run({task("a", {}, "make"), task("b", {0}, "use"), task("c", {0}, "other")});
  run.plan.nodes[0].condition = "false";
  read_outputs_of(run, 0, 1);
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.node("b").outcome, Outcome::Skipped);
  EXPECT_EQ(run.node("b").reason, "reads the outputs of 'a', which was skipped");
  EXPECT_THAT(run.started_words(), ElementsAre("other")) << "a skipped need is satisfied else";
}

TEST(RunLoop, ATaskThatReadsTheOutputsOfAnAllowedFailureIsSkipped) {
  RunHarness run({task("a", {}, "make"), task("b", {0}, "use"), task("c", {0}, "if")});
  run.plan.nodes[0].allow_failure = true;
  read_outputs_of(run, 0, 1);
  read_outputs_of(run, 0, 2);
  run.plan.nodes[2].condition = "needs.a.result == 'failure'";
  run.engine.script = failing({"make"});
  run.start();
  EXPECT_EQ(run.node("b").reason, "reads the outputs of 'a', which failed");
  EXPECT_EQ(run.node("c").outcome, Outcome::Passed) << "its own condition decides alone";
}

TEST(RunLoop, APhaseWhoseCriterionReadsWhatIsNotThereIsNotPassed) {
  RunHarness run({task("a", {}, "make"), gate("main", {0}), task("b", {1}, "next")});
  run.plan.nodes[0].condition = "false";
  run.plan.nodes[1].criteria = {run_criterion("good", "check")};
  run.plan.nodes[0].outputs = {{"version", "", dsl::ValueType::String}};
  std::get<dsl::RunCheck>(run.plan.nodes[1].criteria[0].check).env = {
      {"V", expression("needs.a.outputs.version")}};
  run.start();
  EXPECT_EQ(run.node("main").outcome, Outcome::Failed);
  EXPECT_EQ(run.node("main").reason, "a criterion reads the outputs of 'a', which was skipped");
  EXPECT_TRUE(run.engine.started.empty());
}

dsl::Criterion diff_criterion(const dsl::DiffCheck& check) {
  dsl::Criterion criterion;
  criterion.text = "diff";
  criterion.check = check;
  return criterion;
}

/// Phase one leaves `old`; phase two has tasks that write `f` and, where told, `forbidden`.
struct TwoPhases {
  explicit TwoPhases(const dsl::Criterion& criterion)
      : run({task("a", {}, "old"),
             gate("one", {0}),
             task("b", {1}, "f"),
             task("c", {1}, "forbidden"),
             gate("two", {2, 3})}) {
    run.plan.nodes[0].phase = "one";
    run.plan.nodes[2].phase = "two";
    run.plan.nodes[3].phase = "two";
    run.plan.nodes[4].criteria = {criterion};
    run.engine.script = [this](const Job& job) {
      run.trees.written[job.name] = {{job.argv.back(), "1"}};
      return FakeEngine::Answer{};
    };
    run.start();
  }
  RunHarness run;
};

TEST(RunLoop, TheDiffOfAPhaseIsWhatItsTasksChanged) {
  EXPECT_EQ(TwoPhases(diff_criterion({{"f"}, {}, {}})).run.node("two").outcome, Outcome::Failed);
  EXPECT_EQ(TwoPhases(diff_criterion({{"f", "forbidden"}, {}, {}})).run.node("two").outcome,
            Outcome::Passed)
      << "what the phase above changed is none of it";
  EXPECT_EQ(TwoPhases(diff_criterion({{}, {"forbidden"}, {}})).run.node("two").outcome,
            Outcome::Failed);
  EXPECT_EQ(TwoPhases(diff_criterion({{}, {}, {"f"}})).run.node("two").outcome, Outcome::Passed);
  EXPECT_EQ(TwoPhases(diff_criterion({{}, {}, {"old"}})).run.node("two").outcome, Outcome::Failed);
}

TEST(RunLoop, ACriterionOfAPhaseIsProvenRedOnWhatWasBeforeTheTasks) {
  dsl::Criterion criterion = run_criterion("good", "check");
  criterion.red_first = true;
  const TwoPhases met(criterion);
  EXPECT_EQ(met.run.node("two").outcome, Outcome::Failed);
  EXPECT_THAT(met.run.node("two").reason, HasSubstr("is met before the work"));

  RunHarness run({task("b", {}, "f"), gate("two", {0})});
  run.plan.nodes[0].phase = "two";
  run.plan.nodes[1].criteria = {criterion};
  run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.back() == "f") {
      run.trees.written[job.name] = {{"f", "1"}};
    } else {
      const bool before = job.name.value.ends_with("-r0");
      answer.end = exit_with(before ? 1 : 0);
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("two").outcome, Outcome::Passed);
  EXPECT_TRUE(run.node("two").criteria[0].evidence.was_red);
  EXPECT_THAT(run.started_words(), ElementsAre("f", "check", "check"));
}

TEST(RunLoop, ForEachMakesAnInstanceOfEachItemAndListsTheirOutputs) {
  RunHarness run({task("list", {}, "list"), task("port", {0}, "port"), task("sum", {1}, "sum")});
  run.plan.nodes[0].outputs = {{"names", "", dsl::ValueType::Json}};
  run.plan.nodes[1].for_each = "needs.list.outputs.names";
  run.plan.nodes[1].outputs = {{"done", "", dsl::ValueType::String}};
  run.plan.nodes[1].env = {{"ITEM", {}}};
  run.plan.nodes[1].env[0].value.pieces = {{dsl::Template::Piece::Kind::Expression, "item"}};
  run.engine.script = [&run](const Job& job) {
    std::string item;
    for (const auto& [name, value] : job.env) {
      item = name == "ITEM" ? value : item;
    }
    run.trees.outputs[job.name] = {{"names", R"(["x","y"])"}, {"done", item + "!"}};
    run.trees.written[job.name] = {{"file-" + item, "1"}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.node("port[1]").outcome, Outcome::Passed);
  EXPECT_EQ(dsl::to_json(dsl::Value(run.node("port").outputs)), R"({"done":["x!","y!"]})");
  EXPECT_EQ(run.trees.files(run.node("sum").input).size(), 3U) << "all instances' files are merged";
}

TEST(RunLoop, ForEachOverNothingPassesAndHandsItsInputOn) {
  RunHarness run({task("a", {}, "good"), task("each", {0}, "work"), task("c", {1}, "next")});
  run.plan.nodes[1].for_each = "fromJSON('[]')";
  run.engine.script = [&run](const Job& job) {
    run.trees.written[job.name] = {{job.argv.back(), "x"}};
    return FakeEngine::Answer{};
  };
  run.start();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.trees.files(run.node("c").input), (FakeTrees::Files{{"good", "x"}}));
}

TEST(RunLoop, AnUnchangedNodeIsTakenFromTheCache) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  run.plan.nodes[0].criteria = {run_criterion("good", "check")};
  run.start();
  ASSERT_EQ(run.engine.started.size(), 3U);
  EXPECT_EQ(run.node("a").reuse, "not reused: never passed before");
  RunHarness again(run.plan.nodes);
  again.cache.results = run.cache.results;
  again.start();
  EXPECT_TRUE(again.engine.started.empty());
  EXPECT_TRUE(again.node("b").reused);
  EXPECT_EQ(again.node("a").criteria[0].verdict, Verdict::Met);
  EXPECT_THAT(again.node("a").reuse, HasSubstr("same task, image, input and criteria"));
  again.plan.nodes[0].criteria[0].text = "better";
}

TEST(RunLoop, AChangedCriterionIsNotTakenFromTheCache) {
  RunHarness run({task("a", {}, "work")});
  run.start();
  RunHarness again({task("a", {}, "work")});
  again.plan.nodes[0].criteria = {run_criterion("good", "check")};
  again.cache.results = run.cache.results;
  again.cache.names = run.cache.names;
  again.start();
  EXPECT_THAT(again.started_words(), ElementsAre("work", "check"));
  EXPECT_EQ(again.node("a").reuse, "not reused: the task, its image, input or criteria changed");
}

TEST(RunLoop, AResultIsNotTakenWhereASecretThatItSeesHasAnotherValue) {
  RunHarness run({task("a", {}, "work")});
  run.plan.nodes[0].secrets = {secret("SEEN", dsl::Secret::Expose::Variable),
                               secret("SENT", dsl::Secret::Expose::No)};
  run.secrets.know("SEEN", "one");
  run.secrets.know("SENT", "one");
  run.start();
  ASSERT_EQ(run.engine.started.size(), 1U);

  RunHarness same(run.plan.nodes);
  same.cache.results = run.cache.results;
  same.secrets.know("SEEN", "one");
  same.secrets.know("SENT", "two");
  same.start();
  EXPECT_TRUE(same.node("a").reused);

  RunHarness other(run.plan.nodes);
  other.cache.results = run.cache.results;
  other.secrets.know("SEEN", "two");
  other.secrets.know("SENT", "one");
  other.start();
  EXPECT_FALSE(other.node("a").reused);
}

/// A list of two items, and a node that is the same for both but for `vary`.
RunHarness items_that_differ_in(const std::function<void(dsl::PlanNode&)>& vary) {
  std::vector<dsl::PlanNode> nodes{task("list", {}, "list"), task("each", {0}, "work")};
  nodes[1].for_each = "fromJSON('[\"one\",\"two\"]')";
  vary(nodes[1]);
  return RunHarness(std::move(nodes));
}

TEST(RunLoop, AResultIsNotTakenForACriterionWithAnotherValue) {
  RunHarness run = items_that_differ_in([](dsl::PlanNode& each) {
    each.criteria = {run_criterion("good", "check")};
    std::get<dsl::RunCheck>(each.criteria[0].check).env = {{"ITEM", expression("item")}};
  });
  run.slots = 1;
  run.engine.script = [](const Job& job) {
    FakeEngine::Answer answer;
    for (const auto& [name, value] : job.env) {
      if (name == "ITEM" && value == "two") {
        answer.end = exit_with(1);
      }
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("each[0]").outcome, Outcome::Passed);
  EXPECT_EQ(run.node("each[1]").outcome, Outcome::Failed);
  EXPECT_THAT(run.started_words(), ElementsAre("list", "work", "check", "work", "check"));
}

TEST(RunLoop, AResultIsNotTakenForAnotherAddressOrService) {
  RunHarness address = items_that_differ_in([](dsl::PlanNode& each) {
    dsl::Criterion answers;
    answers.text = "answers";
    answers.check = dsl::HttpCheck{};
    std::get<dsl::HttpCheck>(answers.check).url = expression("item");
    each.criteria = {answers};
  });
  address.start();
  EXPECT_FALSE(address.node("each[1]").reused);
  EXPECT_NE(address.node("each[0]").key, address.node("each[1]").key);

  RunHarness service = items_that_differ_in([](dsl::PlanNode& each) {
    dsl::Service db;
    db.name = "db";
    db.beside_node = true;
    db.env = {{"DATABASE", expression("item")}};
    each.services = {db};
  });
  service.start();
  EXPECT_NE(service.node("each[0]").key, service.node("each[1]").key);
}

TEST(RunLoop, AResultIsNotTakenForANodeOfAnotherName) {
  RunHarness run({task("a", {}, "work")});
  run.start();
  RunHarness again({task("b", {}, "work")});  // and so PIPE_NODE differs
  again.cache.results = run.cache.results;
  again.start();
  EXPECT_FALSE(again.node("b").reused);
}

TEST(RunLoop, APersonIsAskedEachTime) {
  RunHarness run({task("a", {}, "work")});
  dsl::Criterion manual;
  manual.text = "reads well";
  manual.check = dsl::ManualCheck{"Does it read well?"};
  run.plan.nodes[0].criteria = {manual};
  run.start();
  EXPECT_EQ(run.node("a").key, "");
  EXPECT_EQ(run.node("a").reuse, "not reused: a person has to answer");
}

/// One task that writes a file, under such a rule, and one behind it.
class FlaggedChange : public testing::Test {
 protected:
  void start(const std::string& path, dsl::Flagged rule) {
    dsl::Criterion criterion;
    criterion.text = "nothing reaches beyond the task";
    criterion.check = dsl::FlaggedCheck{rule};
    run.plan.nodes[0].criteria = {criterion};
    run.engine.script = [this, path](const Job& job) {
      if (job.argv.back() == "work") {
        run.trees.written[job.name] = {{path, "x"}};
      }
      return FakeEngine::Answer{};
    };
    run.start();
  }
  RunHarness run{{task("a", {}, "work"), task("b", {0}, "next")}};
};

TEST_F(FlaggedChange, WaitsForAPersonWhoIsToldWhatItIs) {
  start(".github/workflows/ci.yml", dsl::Flagged::Approve);
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Waiting);
  EXPECT_THAT(run.journal.lines,
              Contains(HasSubstr("\"question\":\"'.github/workflows/ci.yml': GitHub Actions")));
  EXPECT_THAT(run.started_words(), ElementsAre("work"));
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("a"), 0, true, "ann", ""}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_EQ(run.node("a").flagged,
            (std::vector<FlaggedPath>{{".github/workflows/ci.yml", "GitHub Actions runs it"}}));
  EXPECT_THAT(run.cache.names, ElementsAre("test/b"));  // her word is for this run
}

TEST_F(FlaggedChange, IsRefusedWhereThePipelineSaysSo) {
  start(".github/workflows/ci.yml", dsl::Flagged::Refuse);
  EXPECT_EQ(run.state->outcome(), Outcome::Failed);
  EXPECT_THAT(run.node("a").reason, HasSubstr(".github/workflows/ci.yml: GitHub Actions runs it"));
  EXPECT_THAT(run.started_words(), ElementsAre("work"));
}

TEST_F(FlaggedChange, IsNotWhatOrdinaryFilesAre) {
  start("src/main.c", dsl::Flagged::Approve);
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.cache.names, ElementsAre("test/a", "test/b"));
}

TEST_F(FlaggedChange, IsToldAgainWhereTheResultIsReused) {
  run.plan.nodes[0].criteria.clear();
  run.engine.script = [this](const Job& job) {
    run.trees.written[job.name] = {{"AGENTS.md", "x"}};
    return FakeEngine::Answer{};
  };
  run.start();
  RunHarness again({task("a", {}, "work"), task("b", {0}, "next")});
  again.cache.results = run.cache.results;
  again.trees.add(run.trees.files(run.node("a").tree));
  again.start();
  EXPECT_TRUE(again.node("a").reused);
  EXPECT_EQ(again.node("a").flagged,
            (std::vector<FlaggedPath>{{"AGENTS.md", "coding agents obey it"}}));
}

TEST(RunLoop, NoCacheRunsEverythingAgain) {
  RunHarness run({task("a", {}, "work")});
  run.start();
  RunHarness again({task("a", {}, "work")});
  again.cache.results = run.cache.results;
  again.reuse = false;
  again.start();
  EXPECT_THAT(again.started_words(), ElementsAre("work"));
}

TEST(RunLoop, AManualCriterionWaitsForAPersonAndGoesOnAfterTheAnswer) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  dsl::Criterion manual;
  manual.text = "reads well";
  manual.check = dsl::ManualCheck{"Does it read well?"};
  run.plan.nodes[0].criteria = {manual};
  run.start();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Waiting);
  EXPECT_THAT(run.started_words(), ElementsAre("work"));
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("a"), 0, true, "ann", ""}));
  run.restart();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("work", "next"));
}

TEST(RunLoop, ARejectedApprovalFailsWithTheReason) {
  dsl::PlanNode review;
  review.id = dsl::NodeId("review");
  review.task = "review";
  review.kind = dsl::NodeKind::Approval;
  review.approval = "Good?";
  RunHarness run({review, task("b", {0}, "next")});
  run.start();
  ASSERT_EQ(run.end->how, RunEnd::How::Waiting);
  ASSERT_TRUE(run.record(PersonAnswered{dsl::NodeId("review"), -1, false, "ann", "too long"}));
  run.restart();
  EXPECT_EQ(run.node("review").reason, "rejected by ann: too long");
  EXPECT_EQ(run.node("b").outcome, Outcome::Skipped);
}

TEST(RunLoop, StoppingEndsTheJobsAndAResumedRunDoesThemAgain) {
  RunHarness run({task("a", {}, "done"), task("b", {0}, "slow"), task("c", {1}, "last")});
  run.engine.script = [](const Job& job) {
    return FakeEngine::Answer{{}, {job.argv.back() == "slow" ? 60'000 : 0}};
  };
  run.start();
  run.loop->stop("SIGINT");
  run.clock.run_due();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Interrupted);
  EXPECT_EQ(run.trees.workspaces, 0U);
  run.engine.started.clear();
  run.restart();
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
  EXPECT_THAT(run.started_words(), ElementsAre("slow", "last"));
  EXPECT_EQ(run.node("b").failures, 0) << "an attempt that was stopped is no failure";
}

TEST(RunLoop, AJournalThatCannotBeWrittenBreaksTheRunBeforeTheEffect) {
  RunHarness run({task("a", {}, "work"), task("b", {0}, "next")});
  run.journal.appends_left = 1;
  run.start();
  ASSERT_TRUE(run.end);
  EXPECT_EQ(run.end->how, RunEnd::How::Broken);
  EXPECT_THAT(run.end->error.message, HasSubstr("no space left"));
  EXPECT_THAT(run.started_words(), ElementsAre("work")) << "'b' was never committed, so never ran";
}

TEST(RunLoop, ReplayingTheJournalGivesTheSameState) {
  RunHarness run({task("a", {}, "one"), task("b", {}, "two"), task("c", {0, 1}, "three")});
  run.engine.script = [&run](const Job& job) {
    run.trees.written[job.name] = {{job.argv.back(), "x"}};
    return FakeEngine::Answer{};
  };
  run.start();
  RunState again(run.plan);
  for (const std::string& line : run.journal.lines) {
    const auto event = event_from_json(line);
    ASSERT_TRUE(event) << line;
    EXPECT_EQ(event_to_json(*event), line);
    ASSERT_TRUE(again.apply(*event)) << line;
  }
  EXPECT_EQ(again.outcome(), Outcome::Passed);
  EXPECT_EQ(again.result(), run.state->result());
}

/// Whatever the moment of the crash: no verified node runs again, and none is lost.
TEST(RunLoop, ACrashAfterAnyCommitLosesAndRepeatsNoVerifiedNode) {
  const auto make = [] {
    auto run = std::make_unique<RunHarness>(std::vector<dsl::PlanNode>{task("a", {}, "a"),
                                                                       task("b", {0}, "b"),
                                                                       task("c", {0}, "c"),
                                                                       task("d", {1, 2}, "d"),
                                                                       gate("main", {3})});
    run->plan.nodes[1].criteria = {run_criterion("ok", "check-b")};
    run->plan.nodes[4].criteria = {run_criterion("all", "check-all")};
    run->engine.script = [raw = run.get()](const Job& job) {
      raw->trees.written[job.name] = {{job.argv.back(), "x"}};
      return FakeEngine::Answer{{}, {5}};
    };
    return run;
  };
  auto whole = make();
  whole->start();
  whole->run_to_end();
  ASSERT_EQ(whole->state->outcome(), Outcome::Passed);
  for (std::size_t cut = 1; cut < whole->journal.transactions; ++cut) {
    auto run = make();
    run->journal.appends_left = cut;
    run->start();
    run->run_to_end();
    ASSERT_EQ(run->end->how, RunEnd::How::Broken) << cut;
    std::vector<std::string> settled;
    RunState before(run->plan);
    for (const std::string& line : run->journal.lines) {
      ASSERT_TRUE(before.apply(*event_from_json(line)));
    }
    for (const NodeState& node : before.nodes()) {
      if (node.outcome == Outcome::Passed && !before.plan().nodes[node.plan_node].task.empty()) {
        settled.push_back(node.id.value);
      }
    }
    run->engine.started.clear();
    run->journal.appends_left = 1'000'000;
    run->cache.results.clear();
    run->restart();
    run->run_to_end();
    ASSERT_EQ(run->state->outcome(), Outcome::Passed) << cut;
    EXPECT_EQ(run->trees.files(run->state->result()), whole->trees.files(whole->state->result()));
    for (const std::string& word : run->started_words()) {
      EXPECT_THAT(settled, testing::Not(testing::Contains(word))) << "cut after commit " << cut;
    }
  }
}

TEST(RunLoop, OneCommitTakesAResultInAndStartsWhatFollows) {
  RunHarness run({task("a", {}, "one"), task("b", {0}, "two"), task("c", {1}, "three")});
  run.slots = 1;
  run.start();
  EXPECT_EQ(run.journal.transactions, 5U)
      << "start, three ends with what they lead to, the end of the run";
}

TEST(RunLoop, FactsThatNothingFollowsFromWaitForCompany) {
  RunHarness run({task("a", {}, "one"), task("b", {}, "two"), task("long", {}, "long")});
  run.slots = 3;
  run.engine.script = [](const Job& job) {
    return FakeEngine::Answer{{}, {job.argv.back() == "long" ? 1'000 : 10}};
  };
  run.start();
  const std::size_t before = run.journal.transactions;
  run.clock.advance({10});
  EXPECT_EQ(run.journal.transactions, before) << "nothing is to be started or shown at once";
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed);
  run.clock.advance({10});
  EXPECT_EQ(run.journal.transactions, before + 1) << "two ends, one commit, though nothing came";
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(RunLoop, TheNextNodeStartsWhileWhatOneLeftIsStillRead) {
  RunHarness run({task("a", {}, "one"), task("b", {}, "two"), task("c", {}, "three")});
  run.slots = 1;
  run.trees.capture_takes = {1'000};
  run.start();
  EXPECT_THAT(run.started_words(), ElementsAre("one", "two"))
      << "two trees are being read, and no more than that at once";
  EXPECT_EQ(run.engine.most_running, 1U);
  run.run_to_end();
  EXPECT_EQ(run.state->outcome(), Outcome::Passed);
}

TEST(RunLoop, AServiceThatDiesIsToldAndWhatIsCheckedAgainstItIsInDoubt) {
  RunHarness run({task("a", {}, "work")});
  dsl::Service app;
  app.name = "app";
  app.command.argv = {dsl::Template("serve")};
  run.plan.nodes[0].services = {app};
  run.plan.nodes[0].criteria = {run_criterion("against it", "check")};
  run.plan.nodes[0].criteria[0].service = "app";
  run.engine.script = [](const Job& job) {
    FakeEngine::Answer answer;
    answer.takes = {job.argv.back() == "serve" ? 10 : 20};
    answer.end.code = job.argv.back() == "serve" ? 1 : 0;
    return answer;
  };
  run.start();
  run.run_to_end();
  EXPECT_EQ(run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(run.node("a").criteria[0].verdict, Verdict::Unverified);
  EXPECT_EQ(run.node("a").criteria[0].evidence.result,
            "service 'app' ended before the job did: exit 1");
  ASSERT_TRUE(run.node("a").last);
  EXPECT_THAT(run.node("a").last->notes,
              ElementsAre("service 'app' ended before the job did: exit 1"));
}

TEST(RunLoop, ServicesAreReadyBeforeTheCheckAndGoneAfterIt) {
  RunHarness run({task("a", {}, "work")});
  dsl::Service app;
  app.name = "app";
  app.command.argv = {dsl::Template("serve")};
  app.port = 8080;
  app.beside_node = false;
  run.plan.nodes[0].services = {app};
  dsl::Criterion http;
  http.text = "answers";
  dsl::HttpCheck check;
  check.url = dsl::Template("http://localhost:8080/x");
  check.status = 403;
  http.check = check;
  http.service = "app";
  run.plan.nodes[0].criteria = {http};
  run.engine.script = [&run](const Job& job) {
    FakeEngine::Answer answer;
    if (job.argv.front() == "serve") {
      answer.takes = {1'000'000};
    } else if (job.argv.size() > 1 && job.argv[1] == "http") {
      run.files.logs["a.1.criterion-1.log"] = "status 403\nforbidden";
    }
    return answer;
  };
  run.start();
  EXPECT_EQ(run.node("a").outcome, Outcome::Passed) << run.node("a").reason;
  EXPECT_EQ(run.node("a").criteria[0].evidence.result, "403");
  EXPECT_THAT(run.engine.networks, IsEmpty());
  EXPECT_EQ(run.trees.workspaces, 0U);
  const auto words = run.started_words();
  ASSERT_EQ(run.engine.started.size(), 4U);
  EXPECT_EQ(run.engine.started[2].argv.at(1), "wait-tcp");
  EXPECT_EQ(run.engine.started[1].network, run.engine.started[3].network);
}

}  // namespace
}  // namespace runner::test
