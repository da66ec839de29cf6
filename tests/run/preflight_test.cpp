#include "runner/run/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> messages(const dsl::Plan& plan, const std::vector<Engine*>& engines) {
  std::vector<std::string> all;
  for (const dsl::Error& problem : preflight(plan, engines)) {
    EXPECT_FALSE(problem.remedy.empty()) << problem.message;
    all.push_back(problem.message);
  }
  return all;
}

class Preflight : public testing::Test {
 protected:
  FakeClock clock;
  FakeEngine engine{clock};
  dsl::Plan plan;

  std::vector<std::string> of(std::vector<dsl::PlanNode> nodes) {
    plan.name = "p";
    plan.nodes = std::move(nodes);
    return messages(plan, std::vector<Engine*>(plan.nodes.size(), &engine));
  }
};

TEST_F(Preflight, APlainPlanMayStart) {
  EXPECT_THAT(of({task("a", {}, "x")}), IsEmpty());
}

TEST_F(Preflight, WhatThisVersionCannotEnforceIsRefusedNotIgnored) {
  dsl::PlanNode node = task("a", {}, "x");
  node.firewall.allow = {"example.org:443"};
  node.docker = dsl::DockerAccess::Socket;
  EXPECT_THAT(of({node}),
              ElementsAre(HasSubstr("'a': asks for a firewall, and its engine"),
                          HasSubstr("'a': asks for access to Docker, which only")));
  node = task("b", {}, "x");
  node.docker = dsl::DockerAccess::Dind;
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'b': asks for a Docker daemon of its own")));
  engine.own_traits.docker_daemon = true;
  EXPECT_THAT(of({node}), IsEmpty());
}

TEST_F(Preflight, PermissionsNeedAContainer) {
  dsl::PlanNode node = task("a", {}, "x");
  node.permissions.deny = {"git push"};
  EXPECT_THAT(of({node}), IsEmpty());
  engine.own_traits.isolates = false;
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'a': asks for permissions")));
}

TEST_F(Preflight, ASecretInAFileNeedsAMemoryOfItsOwn) {
  dsl::PlanNode node = task("a", {}, "x");
  node.secrets.resize(1);
  node.secrets[0].name = "KEY";
  node.secrets[0].expose = dsl::Secret::Expose::File;
  EXPECT_THAT(of({node}), IsEmpty());
  engine.own_traits.isolates = false;
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'a': asks for the secret 'KEY' in a file")));
  node.secrets[0].expose = dsl::Secret::Expose::Variable;
  EXPECT_THAT(of({node}), IsEmpty());
}

TEST_F(Preflight, AReadOnlyWorkspaceNeedsAnEngineThatIsolates) {
  dsl::PlanNode node = task("a", {}, "x");
  node.workspace.mode = dsl::Workspace::Mode::ReadOnly;
  EXPECT_THAT(of({node}), IsEmpty());
  engine.own_traits.isolates = false;
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'a': asks for a workspace that is read-only")));
}

TEST_F(Preflight, TheSameProblemOfManyTasksIsOneLine) {
  std::vector<dsl::PlanNode> nodes;
  for (int i = 0; i < 10; ++i) {
    nodes.push_back(task("t" + std::to_string(i), {}, "x"));
    nodes.back().docker = dsl::DockerAccess::Dind;
  }
  EXPECT_THAT(of(nodes),
              ElementsAre(HasSubstr("'t0', 't1', 't2' and 7 more: asks for a Docker daemon")));
}

TEST_F(Preflight, SaysWhereTheFirstOfThemStands) {
  plan.name = "p";
  plan.nodes = {task("fine", {}, "x"), task("a", {}, "x"), task("b", {}, "x")};
  plan.nodes[1].docker = dsl::DockerAccess::Dind;
  plan.nodes[2].docker = dsl::DockerAccess::Dind;
  const std::vector<Engine*> engines(3, &engine);
  const auto place_of = [](std::size_t node) { return "p.yaml:" + std::to_string(node) + ":3"; };
  const auto problems = preflight(plan, engines, place_of);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0].message, testing::StartsWith("p.yaml:1:3: 'a', 'b': asks for a Docker"));
}

TEST_F(Preflight, AMemoryLimitThatNothingStartsWithIsRefused) {
  dsl::PlanNode node = task("a", {}, "x");
  node.resources.memory = dsl::Bytes{6'000'000};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'a': asks for a memory limit of 6MB")));
  node.resources.memory = dsl::Bytes{6 << 20};
  EXPECT_THAT(of({node}), IsEmpty());
}

TEST_F(Preflight, BudgetsOfTimeNeedNothing) {
  plan.budget.time = dsl::Duration{5'000};
  plan.phases = {{"build", "", 0, {}}};
  plan.phases[0].budget.time = dsl::Duration{3'000};
  dsl::PlanNode node = task("a", {}, "x");
  node.budget.time = dsl::Duration{1'000};
  EXPECT_THAT(of({node}), IsEmpty());
}

/// An agent with a key for its model, which the gateway adds.
dsl::PlanNode agent(const std::string& id) {
  dsl::PlanNode node = task(id, {}, "claude");
  node.phase = "build";
  node.agent.emplace().provider = {
      dsl::ModelDialect::Anthropic, "api.anthropic.com", "ANTHROPIC_BASE_URL", ""};
  node.secrets.resize(1);
  node.secrets[0].name = "ANTHROPIC_API_KEY";
  node.secrets[0].hosts = {"api.anthropic.com:443"};
  return node;
}

TEST_F(Preflight, ABudgetForModelsHoldsWhereTheGatewayCounts) {
  engine.own_traits.egress = true;
  dsl::PlanNode node = agent("a");
  node.budget.cost = dsl::Money{5};
  plan.budget.cost_per_day = dsl::Money{9};
  plan.phases = {{"build", "", 0, node.budget}};
  EXPECT_THAT(of({node, task("b", {}, "make")}), IsEmpty());
}

TEST_F(Preflight, ABudgetForModelsIsRefusedWhereNobodyCounts) {
  dsl::PlanNode make = task("a", {}, "make");
  make.budget.tokens = dsl::Tokens{5};
  EXPECT_THAT(of({make}), ElementsAre(HasSubstr("'a': has a budget for models, and no agent")));

  dsl::PlanNode node = agent("a");
  node.budget.cost = dsl::Money{5};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("its engine cannot lead its requests")));
  engine.own_traits.egress = true;
  node.secrets[0].expose = dsl::Secret::Expose::Variable;
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("no agent whose requests")));
}

TEST_F(Preflight, AKeyThatGoesPastTheGatewayIsRefusedUnderABudget) {
  engine.own_traits.egress = true;
  plan.phases = {{"build", "", 0, {}}};
  dsl::PlanNode node = agent("a");
  node.firewall.allow = {"api.anthropic.com:443"};
  EXPECT_THAT(of({node}), IsEmpty()) << "without a budget nothing is counted on";
  plan.budget.cost = dsl::Money{5};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("the secret 'ANTHROPIC_API_KEY', with which")));
  node.firewall.allow = {"*:443"};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'ANTHROPIC_API_KEY'")));
  node.firewall.allow = {"example.org:443"};
  EXPECT_THAT(of({node}), IsEmpty());
}

// A proxy would ask the provider by the key that it was sent.
TEST_F(Preflight, NoOtherHostOfAModelsKeyIsReachedUnderABudget) {
  engine.own_traits.egress = true;
  dsl::PlanNode node = agent("a");
  node.budget.cost = dsl::Money{5};
  node.secrets[0].hosts = {"api.anthropic.com:443", "http://relay.example:80"};
  EXPECT_THAT(of({node}), IsEmpty());
  node.firewall.allow = {"relay.example:443"};
  EXPECT_THAT(of({node}), IsEmpty()) << "another port, to which the key does not go";
  node.firewall.allow = {"relay.example:80"};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("the secret 'ANTHROPIC_API_KEY', with which")));

  node.secrets[0].hosts = {"api.anthropic.com:443", "*.relay.example:443"};
  for (const char* const allowed :
       {"eu.relay.example:443", "*.relay.example:443", "*.eu.relay.example:443", "*.example:443"}) {
    node.firewall.allow = {allowed};
    EXPECT_THAT(of({node}), ElementsAre(HasSubstr("'ANTHROPIC_API_KEY'"))) << allowed;
  }
  for (const char* const allowed :
       {"relay.example:443", "eu.relay.example:80", "*.other.example:443"}) {
    node.firewall.allow = {allowed};
    EXPECT_THAT(of({node}), IsEmpty()) << allowed;
  }

  node.agent->provider->host = "llm.corp.example";
  node.secrets[0].name = "CORP_KEY";
  node.secrets[0].hosts = {"llm.corp.example:443", "mirror.corp.example:443"};
  node.firewall.allow = {"mirror.corp.example:443"};
  EXPECT_THAT(of({node}), ElementsAre(HasSubstr("the secret 'CORP_KEY', with which")));
}

TEST_F(Preflight, ABudgetOfTheWholeNeedsSomebodyWhomItBinds) {
  engine.own_traits.egress = true;
  const auto refused = HasSubstr("and no agent whose requests to a model could be counted");
  plan.phases = {{"build", "", 0, {}}};
  dsl::PlanNode command = agent("c");  // like std/agent/command
  command.agent->provider.reset();
  plan.budget.turns = 5;
  EXPECT_THAT(of({task("a", {}, "make"), command}),
              ElementsAre(AllOf(StartsWith("the pipeline has"), refused)));
  EXPECT_THAT(of({command, agent("a")}), IsEmpty());

  plan.budget = {};
  plan.phases = {{"build", "", 0, {}}, {"ship", "", 0, {}}};
  plan.phases[1].budget.cost = dsl::Money{5};
  EXPECT_THAT(of({agent("a")}), ElementsAre(AllOf(StartsWith("the phase 'ship' has"), refused)));
}

TEST_F(Preflight, AnAgentNeedsAnEngineThatLeadsItToItsModel) {
  EXPECT_THAT(of({agent("a")}), ElementsAre(HasSubstr("has an agent that asks a model")));
  engine.own_traits.isolates = false;
  EXPECT_THAT(of({agent("a")}), IsEmpty()) << "it goes there itself";
  plan.budget.cost = dsl::Money{5};
  plan.phases = {{"build", "", 0, {}}};
  EXPECT_THAT(of({agent("a")}),
              ElementsAre(HasSubstr("with which it can go past"), HasSubstr("its engine cannot")));
}

}  // namespace
}  // namespace runner::test
