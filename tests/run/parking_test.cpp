// A rate limit of an agent's provider: the node is parked, and goes on by itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/story.h"
#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::HasSubstr;
using testing::Not;

/// An agent that tells the outcomes that the test gives it, one an attempt.
struct LimitedAgent {
  RunHarness run{{task("a", {}, "agent")}};
  std::vector<AgentOutcome> outcomes;
  std::size_t attempts = 0;
  dsl::PlanNode& plan = run.plan.nodes[0];

  class Reader final : public AgentReader {
   public:
    explicit Reader(AgentOutcome outcome) : outcome_(std::move(outcome)) {}
    void read(std::string_view) override {}
    [[nodiscard]] bool has_ended() const override { return false; }
    AgentOutcome conclude(const JobEnd&) override { return outcome_; }

   private:
    AgentOutcome outcome_;
  };

  LimitedAgent() {
    plan.agent = dsl::Agent{"", dsl::Template("do it"), "", {}, {"~/.agent"}, {}, {}, {}};
    plan.retry.wake_ups = 3;
    run.agents = [this](const dsl::Agent&) {
      return std::make_unique<Reader>(attempts < outcomes.size() ? outcomes[attempts++] : done());
    };
  }
  static AgentOutcome done() {
    AgentOutcome outcome;
    outcome.reason = dsl::AgentReason::Done;
    outcome.session = "session-1";
    return outcome;
  }
  /// Shut until so many seconds after the clock's beginning; 0: nobody says.
  static AgentOutcome shut(std::int64_t until_s) {
    AgentOutcome outcome = done();
    outcome.reason = dsl::AgentReason::RateWindow;
    outcome.resets_at_s = until_s == 0 ? 0 : FakeClock::kEpoch / 1000 + until_s;
    return outcome;
  }
  [[nodiscard]] std::int64_t due_s() const {
    return (run.node("a").not_before_ms - run.clock.wall_ms()) / 1000;
  }
};

TEST(Parking, WaitsUntilALittleAfterTheResetAndGoesOnWithTheSession) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(3600)};
  agent.run.engine.script = [&](const Job& job) {
    agent.run.trees.written[job.name] = {
        {"n" + std::to_string(agent.run.engine.started.size()), "x"}};
    return FakeEngine::Answer{};
  };
  agent.run.start();
  EXPECT_EQ(agent.run.node("a").stage, Stage::Parked);
  EXPECT_EQ(agent.due_s(), 3605);
  EXPECT_EQ(agent.run.engine.running, 0U);
  EXPECT_FALSE(agent.run.end);
  agent.run.clock.advance({3'604'000});
  EXPECT_EQ(agent.run.engine.started.size(), 1U);
  agent.run.clock.advance({1'000});
  ASSERT_EQ(agent.run.engine.started.size(), 2U);
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.node("a").failures, 0);
  EXPECT_EQ(agent.run.trees.files(agent.run.node("a").tree).size(), 2U) << "of both attempts";
  const Job& second = agent.run.engine.started[1];
  const std::string prompt =
      agent.run.files.written["/fake-scratch/" + second.name.value + "/prompt.md"];
  EXPECT_THAT(prompt, HasSubstr("Go on"));
  EXPECT_THAT(prompt, Not(HasSubstr("do it"))) << "its session has it";
}

TEST(Parking, HoldsNeitherASlotNorAPlaceInItsPool) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(600)};
  agent.plan.pool = "agents";
  agent.run.plan.pools = {{"agents", 1}};
  agent.run.plan.nodes.push_back(task("b", {}, "other"));
  agent.run.plan.nodes[1].pool = "agents";
  agent.run.slots = 1;
  agent.run.start();
  EXPECT_EQ(agent.run.node("b").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.node("a").stage, Stage::Parked);
  EXPECT_EQ(agent.run.state->pool_use("agents"), 0);
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.state->pool_use("agents"), 0);
}

TEST(Parking, AWokenNodeWaitsForItsPool) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(10)};
  agent.plan.pool = "agents";
  agent.run.plan.pools = {{"agents", 1}};
  agent.run.plan.nodes.push_back(task("b", {}, "long"));
  agent.run.plan.nodes[1].pool = "agents";
  agent.run.engine.script = [](const Job& job) {
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{job.argv.back() == "long" ? 60'000 : 0};
    return answer;
  };
  agent.run.start();
  agent.run.clock.advance({20'000});
  EXPECT_EQ(agent.run.node("a").stage, Stage::Parked) << "'b' has the only place";
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.engine.most_running, 1U);
}

TEST(Parking, ALimitThatStaysShutIsWaitedForLongerAndNotForEver) {
  LimitedAgent agent;
  agent.outcomes.assign(10, LimitedAgent::shut(1));  // misleading: it is over at once
  agent.run.start();
  EXPECT_EQ(agent.due_s(), 6);
  agent.run.clock.advance({6'000});
  EXPECT_EQ(agent.due_s(), 60);
  agent.run.clock.advance({60'000});
  EXPECT_EQ(agent.due_s(), 120);
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Failed);
  EXPECT_THAT(agent.run.node("a").reason, HasSubstr("it has waited for its provider 3 times"));
  EXPECT_EQ(agent.run.engine.started.size(), 4U);
}

TEST(Parking, WhereNobodySaysWhenItWaitsAMinute) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(0), LimitedAgent::shut(0)};
  agent.run.start();
  EXPECT_EQ(agent.due_s(), 60);
  agent.run.clock.advance({60'000});
  EXPECT_EQ(agent.due_s(), 120);
}

TEST(Parking, AnAnswerOfTheModelInBetweenMakesWaitsShortAgain) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(0), LimitedAgent::shut(0)};
  PlanMaker make;
  make.phase("main");
  dsl::PlanNode& node = make.task("a");
  node.agent.emplace();
  node.retry.wake_ups = 9;
  make.gate({0});
  Story story(make.plan());
  story.start();
  const auto park = [&](std::int64_t attempt) {
    AttemptEnded ended;
    ended.node = dsl::NodeId("a");
    ended.attempt = attempt;
    ended.agent = LimitedAgent::shut(0);
    story.begin("a", attempt).tell(ended);
    const NextActions next = next_actions(story.state(), {});
    const auto* parked = next.actions.empty() ? nullptr : std::get_if<Park>(&next.actions[0]);
    EXPECT_NE(parked, nullptr);
    story.tell(NodeParked{dsl::NodeId("a"), attempt, parked->until_ms, ""});
    return parked->until_ms;
  };
  EXPECT_EQ(park(1), 60'000);
  EXPECT_EQ(park(2), 120'000);
  ModelAnswered answered;
  answered.node = dsl::NodeId("a");
  answered.spent.turns = 1;
  story.tell(answered);
  EXPECT_EQ(park(3), 60'000);
}

// Milliseconds for seconds, or what an agent's line says that nobody can mean.
TEST(Parking, AResetBeyondAllWindowsIsNone) {
  for (const std::int64_t days : {9, 36'500}) {
    LimitedAgent agent;
    agent.outcomes = {LimitedAgent::shut(days * 24 * 3600)};
    agent.run.start();
    EXPECT_EQ(agent.due_s(), 60);
  }
  LimitedAgent week;
  week.outcomes = {LimitedAgent::shut(7LL * 24 * 3600)};
  week.run.start();
  EXPECT_GE(week.due_s(), 7LL * 24 * 3600);
}

TEST(Parking, WithoutWakeUpsARateLimitIsAFailedAttempt) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(3600)};
  agent.plan.retry.wake_ups = 0;
  agent.run.start();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Failed);
  EXPECT_EQ(agent.run.node("a").reason, "the agent stopped: rate_window");
}

TEST(Parking, ItsTimeLimitStandsStill) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(3600)};
  agent.plan.timeout = dsl::Duration{100'000};
  agent.run.engine.script = [](const Job&) {
    FakeEngine::Answer answer;
    answer.takes = dsl::Duration{30'000};
    answer.end.took = answer.takes;
    return answer;
  };
  agent.run.start();
  agent.run.run_to_end();
  ASSERT_EQ(agent.run.engine.started.size(), 2U);
  EXPECT_EQ(agent.run.engine.started[0].timeout.ms, 100'000);
  EXPECT_EQ(agent.run.engine.started[1].timeout.ms, 70'000);
}

TEST(Parking, ARunnerThatDiesMeanwhileGoesOnWaiting) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(3600)};
  agent.run.start();
  agent.run.clock.advance({1'000'000});
  agent.run.restart();
  EXPECT_EQ(agent.run.node("a").stage, Stage::Parked);
  EXPECT_EQ(agent.run.engine.started.size(), 1U);
  agent.run.clock.advance({2'605'000});
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
}

TEST(Parking, ARunnerThatComesBackLateWakesItAtOnce) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(3600)};
  agent.run.start();
  agent.run.loop.reset();
  agent.run.clock.advance({5'000'000});
  agent.run.restart();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
}

TEST(Parking, ACrashAfterTheWakeUpLosesNothingOfWhatWasDoneBefore) {
  LimitedAgent agent;
  agent.outcomes = {LimitedAgent::shut(1)};
  agent.run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer;
    if (agent.run.engine.started.size() == 1) {
      agent.run.trees.written[job.name] = {{"before", "x"}};
    }
    answer.takes = dsl::Duration{agent.run.engine.started.size() == 2 ? 3'600'000 : 0};
    return answer;
  };
  agent.run.start();
  agent.run.clock.advance({10'000});
  ASSERT_EQ(agent.run.engine.started.size(), 2U);
  agent.run.restart();
  ASSERT_GE(agent.run.engine.started.size(), 3U);
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
  EXPECT_EQ(agent.run.trees.files(agent.run.node("a").tree).count("before"), 1U);
}

}  // namespace
}  // namespace runner::test
