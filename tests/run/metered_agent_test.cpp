// What the gateway sees of an agent's requests decides how its attempt ends, whatever it says
// itself.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::HasSubstr;

/// A gateway that leads nowhere: the test tells what its requests met.
class FakeEgress final : public Egress {
 public:
  dsl::Result<EgressDoor> open(const std::string&,
                               const dsl::NodeId&,
                               const dsl::Firewall&,
                               std::function<void(EgressDenied)>) override {
    return EgressDoor{};
  }
  void lend(const std::string&, std::vector<LentSecret>) override {}
  dsl::Status meter(const std::string&, ModelAccess access) override {
    model = std::move(access);
    return dsl::Ok{};
  }
  void close(const std::string&) override {}

  ModelAccess model;  // of the last network
};

/// An agent that works for ten minutes and says that it is done, unless it is stopped.
struct MeteredAgent {
  FakeEgress egress;
  RunHarness run{{task("a", {}, "agent")}};
  dsl::PlanNode& plan = run.plan.nodes[0];

  class Reader final : public AgentReader {
   public:
    void read(std::string_view) override {}
    [[nodiscard]] bool has_ended() const override { return false; }
    AgentOutcome conclude(const JobEnd& end) override {
      AgentOutcome outcome;
      outcome.reason = end.succeeded() ? dsl::AgentReason::Done : dsl::AgentReason::Crash;
      return outcome;
    }
  };

  explicit MeteredAgent(int wake_ups = 1) {
    plan.agent.emplace().provider = {
        dsl::ModelDialect::Gemini, "generativelanguage.googleapis.com", "BASE_URL", ""};
    plan.agent->prompt = dsl::Template("work");
    plan.secrets.resize(1);
    plan.secrets[0].name = "GEMINI_API_KEY";
    plan.secrets[0].hosts = {"generativelanguage.googleapis.com:443"};
    plan.retry.attempts = 3;
    plan.retry.wake_ups = wake_ups;
    run.secrets.know("GEMINI_API_KEY", "the-key");
    run.engine.own_traits.egress = true;
    run.engine.script = [](const Job&) {
      FakeEngine::Answer answer;
      answer.takes = dsl::Duration{600'000};
      return answer;
    };
    run.egress = &egress;
    run.agents = [](const dsl::Agent&) { return std::make_unique<Reader>(); };
    run.start();
  }
};

TEST(MeteredAgent, WhoseLastRequestHadNoRoomIsEndedByItsBudget) {
  MeteredAgent agent;
  agent.egress.model.reached({{}, BudgetReached::kFull, "the task's budget is used up"});
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").reason, "the agent stopped: budget (the task's budget is used up)");
  EXPECT_TRUE(ended_by_budget(*agent.run.state));
}

TEST(MeteredAgent, WhoseLastRequestHadNoPriceIsNot) {
  MeteredAgent agent;
  agent.egress.model.reached({{}, BudgetReached::kUnpriced, "nobody knows what 'x' costs"});
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").reason,
            "the agent stopped: unpriced (nobody knows what 'x' costs)");
  EXPECT_FALSE(ended_by_budget(*agent.run.state)) << "nothing is used up";
  EXPECT_EQ(agent.run.engine.started.size(), 1U) << "another attempt has no price either";
}

// Gemini CLI tries again by itself for as long as nobody says when the limit ends.
TEST(MeteredAgent, ThatIsRefusedForAMinuteIsParked) {
  MeteredAgent agent;
  for (int i = 0; i < 6; ++i) {
    agent.egress.model.limited(RateLimit{});
    agent.run.clock.advance({10'000});
  }
  EXPECT_EQ(agent.run.engine.running, 1U) << "so long it may wait by itself";
  agent.run.clock.advance({1'000});
  agent.egress.model.limited(RateLimit{});
  agent.run.clock.advance({0});
  EXPECT_EQ(agent.run.engine.running, 0U);
  ASSERT_EQ(agent.run.node("a").stage, Stage::Parked);
  EXPECT_THAT(agent.run.node("a").last->agent->errors.back(), HasSubstr("takes nothing more"));
}

TEST(MeteredAgent, ThatHadAnAnswerMeanwhileIsLeftAlone) {
  MeteredAgent agent;
  ModelAnswered answered;
  answered.spent.turns = 1;
  for (int i = 0; i < 20; ++i) {
    agent.egress.model.limited(RateLimit{});
    agent.run.clock.advance({10'000});
    agent.egress.model.answered(answered);
  }
  EXPECT_EQ(agent.run.engine.running, 1U);
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Passed);
}

TEST(MeteredAgent, WithoutWakeUpsAShutWindowIsAFailedAttempt) {
  MeteredAgent agent(0);
  agent.egress.model.limited(RateLimit{0, true});
  agent.run.clock.advance({0});
  EXPECT_EQ(agent.run.node("a").failures, 1);
  EXPECT_EQ(agent.run.engine.started.size(), 2U);
  agent.egress.model.limited(RateLimit{0, true});
  agent.run.clock.advance({0});
  agent.egress.model.limited(RateLimit{0, true});
  agent.run.run_to_end();
  EXPECT_EQ(agent.run.node("a").outcome, Outcome::Failed);
  EXPECT_THAT(agent.run.node("a").reason, HasSubstr("the agent stopped: rate_window"));
}

}  // namespace
}  // namespace runner::test
