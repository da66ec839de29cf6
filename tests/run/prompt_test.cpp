// What an agent is told of the project and of the work before its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/run_harness.h"

namespace runner::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class DoneReader final : public AgentReader {
 public:
  void read(std::string_view) override {}
  [[nodiscard]] bool has_ended() const override { return false; }
  AgentOutcome conclude(const JobEnd&) override {
    AgentOutcome outcome;
    outcome.reason = dsl::AgentReason::Done;
    return outcome;
  }
};

/// 'a' and then 'b' make something, of which 'c' is the agent.
struct Told {
  RunHarness run{{task("a", {}, "a"), task("b", {0}, "b"), task("c", {1}, "agent")}};
  dsl::Agent& agent = run.plan.nodes[2].agent.emplace();

  Told() {
    agent.prompt = dsl::Template("do it");
    run.agents = [](const dsl::Agent&) { return std::make_unique<DoneReader>(); };
    run.plan.nodes[0].outputs = {{"version", "", dsl::ValueType::String}};
    run.plan.nodes[1].outputs = {{"notes", "", dsl::ValueType::String}};
    run.engine.script = [this](const Job& job) {
      if (job.argv.back() == "a") {
        run.trees.outputs[job.name] = {{"version", "1.2"}};
        run.trees.written[job.name] = {{"AGENTS.md", "- Use tabs.\n"}};
      } else if (job.argv.back() == "b") {
        run.trees.outputs[job.name] = {{"notes", "two\n\"lines\""}};
        run.trees.written[job.name] = {{"main.c", "int main;"}};
      }
      return FakeEngine::Answer();
    };
  }
  std::string prompt() {
    run.start();
    EXPECT_EQ(run.node("c").outcome, Outcome::Passed) << run.node("c").reason;
    return run.files
        .written["/fake-scratch/" + run.engine.started.back().name.value + "/prompt.md"];
  }
  std::string key() {
    run.start();
    return run.node("c").key;
  }
};

TEST(Prompt, SaysNothingOfEarlierWorkUnlessAskedTo) {
  Told told;
  EXPECT_EQ(told.prompt(), "do it\n");
}

TEST(Prompt, TellsTheOutputsOfAllThatCameBefore) {
  Told told;
  told.agent.context.outputs = true;
  EXPECT_EQ(told.prompt(),
            "do it\n\n# Outputs of earlier tasks\n\n"
            "a.version = \"1.2\"\nb.notes = \"two\\n\\\"lines\\\"\"\n");
}

TEST(Prompt, TellsWhatEarlierTasksChanged) {
  Told told;
  told.agent.context.diff = true;
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt, HasSubstr("# What earlier tasks changed\n\nchanged AGENTS.md\n"));
  EXPECT_THAT(prompt, HasSubstr("changed main.c\n+int main;"));
}

TEST(Prompt, AnOutputThatIsTooLongIsNamed) {
  Told told;
  told.agent.context.outputs = true;
  told.run.engine.script = [&](const Job& job) {
    told.run.trees.outputs[job.name] = {{"version", std::string(70'000, 'x')}, {"notes", "short"}};
    return FakeEngine::Answer();
  };
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt, HasSubstr("a.version is too long to stand here\nb.notes = \"short\""));
}

TEST(Prompt, HasWhatWasLearnedAndAsksForMore) {
  Told told;
  told.run.plan.learnings = "AGENTS.md";
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt, testing::StartsWith("do it\n\n# What others should know\n"));
  EXPECT_THAT(prompt, HasSubstr("end of 'AGENTS.md', in a line or a few"));
  EXPECT_THAT(prompt, HasSubstr("# What was found out before ('AGENTS.md')\n\n- Use tabs.\n"));
}

TEST(Prompt, OfManyLearningsTheLastAreTold) {
  Told told;
  told.run.plan.learnings = "AGENTS.md";
  std::string learned = "- The first.\n";
  for (int i = 0; i < 10'000; ++i) {
    learned += "- Lesson " + std::to_string(i) + ".\n";
  }
  const auto usual = told.run.engine.script;
  told.run.engine.script = [&](const Job& job) {
    FakeEngine::Answer answer = usual(job);
    if (job.argv.back() == "a") {
      told.run.trees.written[job.name] = {{"AGENTS.md", learned}};
    }
    return answer;
  };
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt,
              HasSubstr("(The file begins earlier, and is worth shortening.)\n\n- Lesson "));
  EXPECT_THAT(prompt, HasSubstr("- Lesson 9999.\n"));
  EXPECT_THAT(prompt, Not(HasSubstr("- The first.")));
  EXPECT_LT(prompt.size(), 70'000U);
}

TEST(Prompt, AnAgentThatOnlyReadsIsNotAskedToAdd) {
  Told told;
  told.run.plan.learnings = "AGENTS.md";
  told.run.plan.nodes[2].workspace.mode = dsl::Workspace::Mode::ReadOnly;
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt, HasSubstr("- Use tabs.\n"));
  EXPECT_THAT(prompt, Not(HasSubstr("in a line or a few")));
}

TEST(Prompt, LearningsThatAreNotThereYetAreNoMistake) {
  Told told;
  told.run.plan.learnings = "docs/LEARNED.md";
  const std::string prompt = told.prompt();
  EXPECT_THAT(prompt, HasSubstr("end of 'docs/LEARNED.md'"));
  EXPECT_THAT(prompt, Not(HasSubstr("found out before")));
}

TEST(Prompt, ALinkIsNotFollowed) {
  Told told;
  told.run.plan.learnings = "AGENTS.md";
  told.run.engine.script = [&](const Job& job) {
    told.run.trees.outputs[job.name] = {{"version", "1"}, {"notes", "2"}};
    told.run.trees.written[job.name] = {
        {"AGENTS.md", std::string(FakeTrees::kLinkTo) + "/etc/passwd"}};
    return FakeEngine::Answer();
  };
  told.run.start();
  EXPECT_EQ(told.run.node("c").reason, "learnings 'AGENTS.md': it is a link");
}

TEST(Prompt, WhatIsToldIsPartOfAResultsKey) {
  const std::string plain = Told().key();
  Told outputs;
  outputs.agent.context.outputs = true;
  Told learning;
  learning.run.plan.learnings = "AGENTS.md";
  EXPECT_NE(outputs.key(), plain);
  EXPECT_NE(learning.key(), plain);
  EXPECT_EQ(Told().key(), plain);
}

}  // namespace
}  // namespace runner::test
