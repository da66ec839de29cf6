// The real programs of the agents, rehearsed: the first attempt's work is not accepted, the second
// goes on with the same session and is; budgets hold, whatever the program does.

#include <filesystem>

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/real_agent.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

TEST_P(RealAgent, IsToldWhatWasNotAcceptedAndGoesOnWithItsSession) {
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("[x] It greets the world"));
  EXPECT_THAT(ended.out, HasSubstr("2 attempts"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 5 requests"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));

  // Committed on the run's branch, and nowhere else.
  const std::string branch = branch_of("once");
  EXPECT_THAT(user_.git({"show", branch + ":greet.sh"}, folder()), HasSubstr("${1:-world}"));
  EXPECT_EQ(user_.git({"diff", "--name-only", "main", branch}, folder()), "greet.sh");
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "greet.sh"));

  const std::vector<json> outcomes = outcomes_of("once");
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0].at("session"), outcomes[1].at("session"));
  // Gemini's claim has all that it said in that attempt.
  EXPECT_THAT(outcomes[1].at("claim").get<std::string>(),
              EndsWith("Now it greets the world as well."));
}

TEST_P(RealAgent, StopsWhereItsBudgetIsUsedUp) {
  change(pipeline(), "turns: 50", "turns: 1");
  const Ended ended = rehearse();
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_THAT(ended.out + ended.err, HasSubstr("the run's budget of 1 turn"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 1 request"));
}

/// By its bytes the first request of Claude Code alone may cost more.
TEST_P(RealAgentInSandbox, WorksUnderASmallBudget) {
  change(pipeline(), "cost: $2", "cost: $0.70");
  const Ended ended = rehearse();
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("the script answered 5 requests"));
}

/// None of the three asks again after a refusal. Started over and over it does, as with a script
/// round it that means well; without an end it would go on until the time limit, long after ours.
TEST_P(AnyRealAgent, IsCutOffWhereItDoesNotTakeNoForAnAnswer) {
  std::string step =
      read_text(std::string(PIPE_SOURCE_DIR "/stdlib/agent/") + GetParam().step + ".yaml");
  const std::size_t at = step.find("  exec \"$@\"");
  ASSERT_NE(at, std::string::npos);
  const std::size_t end = step.find('\n', at);
  step.replace(
      at, end - at, "  while true; do " + step.substr(at + 7, end - at - 7) + " || true; done");
  folder_.write("stubborn.yaml", step);
  change(pipeline(), std::string("std/agent/") + GetParam().step, "./stubborn.yaml");
  change(pipeline(), "turns: 50", "turns: 1");
  const Ended ended = rehearse();
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("the agent stopped: budget"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 1 request"));
  EXPECT_EQ(outcomes_of("once").size(), 1u) << "a retry would be refused too";
}

TEST_P(AnyRealAgent, IsToldWhatWhoeverStartsTheRunSaysToo) {
  change(script(),
         "          - text: I write the script.\n",
         "          - expects: Never use bashisms.\n"
         "            text: I write the script.\n");
  folder_.write("more.md", "Never use bashisms.\n");
  const Ended ended = rehearse({"--instructions", "@more.md"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  const Ended without = run(rehearsal("again"));
  EXPECT_NE(without.exit_code, 0) << "the script wants to hear it";
}

/// The session that a run ended with, and what the agent said of the one that it went on with.
TEST_P(RealAgentInSandbox, GoesOnTwiceWithItsSession) {
  ASSERT_EQ(rehearse().exit_code, 0);
  const auto more =
      [&](const std::string& from, const std::string& name, const std::string& asked) {
        // What was asked for before is in the request: it is the same conversation.
        folder_.write(name + ".yaml",
                      "version: 1\ntasks:\n  greet:\n    attempts:\n      - turns:\n"
                      "          - expects: greets whom its first argument names\n"
                      "            text: I do.\n"
                      "            tools: [" +
                          call_of("echo " + name + " >> /workspace/notes.txt") +
                          "]\n"
                          "          - {expects: " +
                          asked + ", text: Done.}\n");
        return user_.run_pipe(
            {"rehearse", "--continue", from, "--prompt", asked, "-n", name, "-s", name + ".yaml"},
            folder());
      };
  const Ended second = more("once", "second", "Write a note");
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  EXPECT_THAT(second.err, HasSubstr("goes on with its session of 'once'"));
  const Ended third = more("second", "third", "Write another one");
  ASSERT_EQ(third.exit_code, 0) << third.out << third.err;
  EXPECT_THAT(third.err, HasSubstr("goes on with its session of 'second'"));
  EXPECT_THAT(third.err, Not(HasSubstr("warning")));
  EXPECT_EQ(user_.git({"show", branch_of("third") + ":notes.txt"}, folder()), "second\nthird");

  const Ended real = user_.run_pipe({"run", "--continue", "once", "--prompt", "Go on"}, folder());
  EXPECT_EQ(real.exit_code, 2) << "nothing was made that a real run could go on from";
  EXPECT_THAT(real.err, HasSubstr("pipe rehearse --continue once"));
}

}  // namespace
}  // namespace e2e
