// Nodes that would spend more than they may, or say that they spent less: A56 and A58 of list A.

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/adversarial/attacked.h"
#include "tests/support/billing_provider.h"

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::run;
using testing::HasSubstr;

constexpr std::int64_t kInput = 20;
constexpr std::int64_t kOutput = 2'000;

class Money : public Attacked {
 protected:
  void SetUp() override {
    Attacked::SetUp();
    if (IsSkipped()) {
      return;
    }
    config_.write("pipe/config.yaml",
                  "model_upstreams: api.anthropic.com=http://127.0.0.1:" + provider_.port() + "\n");
    folder_.write("agent.yaml",
                  "name: fake\ninputs: {script: {type: string}}\n"
                  "env: {SCRIPT: '${{ inputs.script }}'}\n"
                  "run: exec /bin/sh -c \"$SCRIPT\"\n"
                  "agent:\n"
                  "  prompt: work\n"
                  "  provider: {dialect: anthropic, host: api.anthropic.com, base_url: "
                  "ANTHROPIC_BASE_URL}\n"
                  "  stream:\n"
                  "    - when: {/type: result}\n"
                  "      take: {turns: /num_turns, claim: /result}\n"
                  "      reason: done\n"
                  "      ends: true\n");
    folder_.write("ask.sh",
                  "body='{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":3000,\"messages\":"
                  "[{\"role\":\"user\",\"content\":\"go\"}]}'\n"
                  "url=$ANTHROPIC_BASE_URL/v1/messages\n"
                  "if command -v curl > /dev/null; then\n"
                  "  curl -sSf -m 20 -H \"x-api-key: $ANTHROPIC_API_KEY\" -d \"$body\" \"$url\"\n"
                  "else\n"
                  "  wget -q -O - --header \"x-api-key: $ANTHROPIC_API_KEY\" "
                  "--post-data \"$body\" \"$url\"\n"
                  "fi\n");
  }

  /// A run of tasks `a1` and so on, each an agent that is this one line of shell.
  Ended run_agents(int count, const std::string& budget, const std::string& script) {
    std::string text = "secrets: [ANTHROPIC_API_KEY]\nbudget: " + budget + "\ntasks:\n";
    for (int i = 1; i <= count; ++i) {
      text += "  a" + std::to_string(i) +
              ":\n    uses: ./agent.yaml\n    with:\n      script: |\n" + "        " + script +
              "\n    success_criteria: [{'[ ] ok': 'true'}]\n";
    }
    write_plain(text);
    return spend({"run", "p.yaml", "--name", "one", "-j", std::to_string(count)});
  }
  Ended spend(const std::vector<std::string>& arguments) {
    e2e::Start start = user_.pipe(arguments, folder_.path().string());
    start.env["ANTHROPIC_API_KEY"] = "sk-ant-Va1ue-of-the-real-key-0";
    start.env["XDG_CONFIG_HOME"] = config_.path().string();
    return run(start);
  }
  /// In millionths of a dollar, by the ledger and by the provider's own account.
  std::int64_t recorded() {
    std::int64_t all = 0;
    std::istringstream lines(spend({"costs", "--json"}).out);
    for (std::string line; std::getline(lines, line);) {
      all += nlohmann::json::parse(line).at("cost_micros").get<std::int64_t>();
    }
    return all;
  }
  [[nodiscard]] std::int64_t billed() const {
    return provider_.answers() * kInput * 3 + provider_.output_tokens() * 15;
  }

  runner::test::BillingProvider provider_{{kInput, kOutput}};
  e2e::TempFolder config_;
};

// A58: eight at once, and room for one request and a half.
TEST_P(Money, EightAtOnceSpendNoMoreThanThereIs) {
  const Ended ended =
      run_agents(8,
                 "{cost: $0.07}",
                 "sh ./ask.sh > ~/one && sh ./ask.sh > ~/two && echo '{\"type\":\"result\"}'");
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_GE(provider_.answers(), 1) << "something was let go";
  EXPECT_LT(provider_.answers(), 16);
  EXPECT_LE(billed(), 70'000);
  EXPECT_EQ(recorded(), billed());
  note_blocked("A58 eight nodes spend the last of a budget", GetParam(), "never more than it");
}

// A56.
TEST_P(Money, WhatANodeSaysThatItSpentCountsForNothing) {
  const Ended ended =
      run_agents(1,
                 "{cost: $1, turns: 2}",
                 "for i in 1 2 3; do sh ./ask.sh > ~/answer; done; echo "
                 "'{\"type\":\"result\",\"num_turns\":-5,"
                 "\"usage\":{\"input_tokens\":0,\"output_tokens\":0},\"total_cost_usd\":-5}'");
  EXPECT_EQ(ended.exit_code, 5) << "its last request was refused" << ended.out << ended.err;
  EXPECT_EQ(provider_.answers(), 2) << "the third turn is one too many, whatever it says";
  EXPECT_EQ(recorded(), billed());
  EXPECT_EQ(recorded(), 2 * (kInput * 3 + kOutput * 15));
  note_blocked("A56 a forged account of its spend", GetParam(), "the gateway's figure stands");
}

INSTANTIATE_FOR_ENGINES(Money);

}  // namespace
}  // namespace adversarial
