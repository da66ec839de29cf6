// Budgets for models with the real binary: a provider on this machine stands in the real one's
// place, a script plays the agent.

#include <algorithm>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"
#include "tests/support/billing_provider.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using Provider = runner::test::BillingProvider;

constexpr const char* kKey = "sk-ant-Va1ue-of-the-real-key-0";

class BudgetRun : public testing::Test {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(Engine::Sandbox);
    config_.write("pipe/config.yaml",
                  "model_upstreams: api.anthropic.com=http://127.0.0.1:" + provider_.port() + "\n");
    folder_.write("agent.yaml",
                  "name: fake\ninputs: {script: {type: string}}\n"
                  "env: {SCRIPT: '${{ inputs.script }}'}\n"
                  "run: exec /bin/sh -c \"$SCRIPT\"\n"
                  "agent:\n"
                  "  prompt: work\n"
                  "  provider: {dialect: anthropic, host: api.anthropic.com, base_url: "
                  "ANTHROPIC_BASE_URL}\n");
    folder_.write(
        "ask.sh",
        "curl -sS -m 10 -H \"x-api-key: $ANTHROPIC_API_KEY\" "
        "\"$ANTHROPIC_BASE_URL/v1/messages\" -d '{\"model\":\"'${MODEL:-claude-sonnet-4-5}"
        "'\",\"max_tokens\":3000,\"messages\":[{\"role\":\"user\",\"content\":\"go\"}]}'\n");
  }

  Ended run_agent(const std::string& top, const std::string& task, const std::string& script) {
    folder_.write("p.yaml",
                  "version: 1\nname: spending\nengine: sandbox\nsecrets: [ANTHROPIC_API_KEY]\n" +
                      top + "tasks:\n  a:\n    uses: ./agent.yaml\n    with:\n      script: |\n" +
                      indented(script) + task +
                      "    success_criteria: [{'[ ] done': test -e done}]\n");
    Start start = user_.pipe({"run", "p.yaml"}, folder_.path().string());
    prepare(start);
    return run(start);
  }
  Ended pipe(std::vector<std::string> arguments) {
    Start start = user_.pipe(std::move(arguments), folder_.path().string());
    prepare(start);
    return run(start);
  }

  /// Millionths of a dollar, by the ledger.
  std::int64_t spent() {
    std::int64_t all = 0;
    std::istringstream lines(pipe({"costs", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      all += nlohmann::json::parse(line).at("cost_micros").get<std::int64_t>();
    }
    return all;
  }

  static std::string indented(const std::string& script) {
    std::string text = "        ";
    for (const char c : script) {
      text += c;
      if (c == '\n') {
        text += "        ";
      }
    }
    return text + "\n";
  }
  void prepare(Start& start) {
    start.env["ANTHROPIC_API_KEY"] = kKey;
    start.env["XDG_CONFIG_HOME"] = config_.path().string();
  }

  Provider provider_{{1'000, 2'000}};  // $0.033 for each answer
  TempFolder config_;
  TempFolder folder_;
  User user_;
};

TEST_F(BudgetRun, CountsWhatAnAgentSpendsAndTheNodeNeverHasTheKey) {
  const Ended ended =
      run_agent("budget: {cost: $1, per_day: {cost: $2}}\n",
                "    budget: {turns: 5}\n",
                "sh ./ask.sh > answer\n"
                "sh ./ask.sh >> answer\n"
                "env > seen-env\n"
                "cat /proc/*/environ /proc/*/cmdline > seen-processes 2>&1 || true\n"
                "tar -cf seen-files /pipe /tmp /dev/shm /etc 2> /dev/null || true\n"
                "touch done");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 2);
  EXPECT_THAT(ended.out, HasSubstr("$0.07   2 turns")) << "twice $0.033";
  EXPECT_THAT(provider_.seen(), HasSubstr(std::string("x-api-key: ") + kKey));

  const Ended found = run({{"grep", "-rlF", kKey, folder_.path().string(), user_.state()}, "", {}});
  EXPECT_THAT(found.out, IsEmpty());
  EXPECT_THAT(ended.out + ended.err, Not(HasSubstr(kKey)));

  const Ended costs = pipe({"costs", "--by", "model"});
  EXPECT_THAT(costs.out, AllOf(HasSubstr("claude-sonnet-4-5"), HasSubstr("$0.07")));
  EXPECT_EQ(pipe({"costs", "--since", "2026-13-45"}).exit_code, 2);
  EXPECT_EQ(pipe({"costs", "--by", "model", "--json"}).exit_code, 2);
  const Ended lines = pipe({"costs", "--json"});
  EXPECT_EQ(std::count(lines.out.begin(), lines.out.end(), '\n'), 2);
  EXPECT_THAT(lines.out, HasSubstr("\"cost_micros\":33000"));
}

TEST_F(BudgetRun, EndsWithFiveWhenTheBudgetIsUsedUp) {
  const Ended ended = run_agent("",
                                "    budget: {turns: 2}\n    retry: {attempts: 3}\n",
                                "for i in 1 2 3; do sh ./ask.sh | tee -a answer; done\n"
                                "grep -q pipe-budget answer && exit 1\n"
                                "touch done");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 2) << "a retry would be refused too";
  EXPECT_THAT(ended.out + ended.err, HasSubstr("the task's budget of 2 turns"));
}

TEST_F(BudgetRun, AnAgentThatSaysDoneAfterARefusalIsNotDone) {
  const Ended ended = run_agent(
      "", "    budget: {turns: 1}\n", "sh ./ask.sh > answer\nsh ./ask.sh >> answer\ntouch done");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the agent stopped: budget"));
}

TEST_F(BudgetRun, TheTimeOfATaskEndsIt) {
  const Ended ended =
      run_agent("", "    budget: {time: 2s}\n    retry: {attempts: 3}\n", "sleep 60");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the task's budget of 2s of time is used up"));
}

TEST_F(BudgetRun, TheDaysBudgetIsThatOfAllRuns) {
  const std::string day = "budget: {per_day: {cost: $0.06}}\n";
  EXPECT_EQ(run_agent(day, "", "sh ./ask.sh > answer\ntouch done").exit_code, 0);
  const Ended second =
      run_agent(day, "", "sh ./ask.sh | tee answer\ngrep -q well answer\ntouch done");
  EXPECT_EQ(second.exit_code, 0) << second.out << second.err;
  EXPECT_EQ(provider_.answers(), 2);
  EXPECT_LT(provider_.output_tokens(), 2 * 2'000) << "it was made to ask for what is left";
  const Ended third = run_agent(
      day, "", "sh ./ask.sh | tee answer\n! grep -q pipe-budget answer || exit 1\ntouch done");
  EXPECT_EQ(third.exit_code, 5) << third.out << third.err;
  EXPECT_THAT(third.out + third.err, HasSubstr("the day's budget of $0.06"));
  EXPECT_EQ(provider_.answers(), 2);
  EXPECT_LE(spent(), 60'000);
}

TEST_F(BudgetRun, AStreamIsChargedByWhatItSaysInTheEnd) {
  provider_.answer(Provider::Manner::Streamed);
  const Ended ended = run_agent("budget: {cost: $1}\n", "", "sh ./ask.sh > answer\ntouch done");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(spent(), 33'000);
}

TEST_F(BudgetRun, AnErrorOfTheProviderCostsNothing) {
  provider_.answer(Provider::Manner::Failing);
  const Ended ended = run_agent("budget: {cost: $1}\n", "", "sh ./ask.sh > answer\ntouch done");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 1);
  EXPECT_EQ(spent(), 0);
}

TEST_F(BudgetRun, AnAnswerWithoutUsageIsChargedAsTheMostThatItCanBe) {
  provider_.answer(Provider::Manner::WithoutUsage);
  const Ended ended = run_agent("budget: {cost: $0.07}\n",
                                "",
                                "for i in 1 2 3; do sh ./ask.sh >> answer; done\n"
                                "grep -q pipe-budget answer && exit 1\n"
                                "touch done");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_GE(spent(), 3'000 * 15);
  EXPECT_LE(spent(), 70'000);
}

TEST_F(BudgetRun, StopsAnAgentThatGetsNothingButErrors) {
  provider_.answer(Provider::Manner::Failing);
  const Ended ended = run_agent("", "", "while true; do sh ./ask.sh >> answer; done");
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the agent stopped: provider"));
  EXPECT_THAT(ended.out + ended.err, HasSubstr("100 requests in a row had no answer"));
  EXPECT_GE(provider_.answers(), 100);
  EXPECT_LT(provider_.answers(), 200);
}

TEST_F(BudgetRun, StopsAnAgentThatAsksForWhatNobodyMeters) {
  const Ended ended = run_agent(
      "",
      "",
      "while true; do curl -sS -m 10 \"$ANTHROPIC_BASE_URL/v1/messages/batches\" -d '{}'; done");
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the agent stopped: provider"));
  EXPECT_EQ(provider_.answers(), 0);
}

/// By its bytes it would cost $0.12; the provider counts what it bills.
TEST_F(BudgetRun, WhatHasNoRoomByItsBytesGoesByTheProvidersCount) {
  const Ended ended = run_agent(
      "budget: {cost: $0.08}\n",
      "",
      "printf '{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":3000,\"system\":\"' > long\n"
      "head -c 40000 /dev/zero | tr '\\0' x >> long\n"
      "printf '\",\"messages\":[{\"role\":\"user\",\"content\":\"go\"}]}' >> long\n"
      "curl -sS -m 10 -H \"x-api-key: $ANTHROPIC_API_KEY\" "
      "\"$ANTHROPIC_BASE_URL/v1/messages\" -d @long > answer\n"
      "grep -q well answer && touch done");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 1);
  EXPECT_EQ(spent(), 33'000);
}

TEST_F(BudgetRun, StopsAnAgentThatDoesNotTakeNoForAnAnswer) {
  const Ended ended =
      run_agent("", "    budget: {turns: 1}\n", "while true; do sh ./ask.sh >> answer; done");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 1);
}

TEST_F(BudgetRun, APriceOfThePipelineLetsAnUnknownModelGo) {
  const std::string script =
      "export MODEL=my-own-model\nsh ./ask.sh > answer\ngrep -q well answer || exit 1\n"
      "touch done";
  const Ended unpriced = run_agent("", "", script);
  EXPECT_EQ(unpriced.exit_code, 1) << "no budget is used up";
  EXPECT_THAT(unpriced.out, HasSubstr("the agent stopped: unpriced (nobody knows what"));
  EXPECT_EQ(provider_.answers(), 0);
  const Ended ended =
      run_agent("prices: {my-own-model: {input: 1, output: 2}}\nbudget: {cost: $1}\n", "", script);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(pipe({"costs", "--json"}).out, HasSubstr("\"cost_micros\":5000"));
}

}  // namespace
}  // namespace e2e
