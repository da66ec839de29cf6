#include "runner/rehearsal/script.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/render.h"
#include "tests/dsl/compile_file.h"

namespace runner {
namespace {

using testing::HasSubstr;

/// All that is wrong with a script, as a user sees it; "" where nothing is.
std::string wrong(const std::string& text, const dsl::Plan* plan = nullptr) {
  const ReadScript read = read_script("s.yaml", text, plan);
  EXPECT_EQ(read.diagnostics.empty(), read.script.has_value()) << text;
  return dsl::render_text(read.diagnostics, read.sources, dsl::Colour::Never);
}

/// What is wrong with a script of one task with one attempt of these turns.
std::string wrong_turns(const std::string& turns) {
  return wrong("version: 1\ntasks: {t: {attempts: [{turns: " + turns + "}]}}\n");
}

Script good(const std::string& text) {
  ReadScript read = read_script("s.yaml", text, nullptr);
  EXPECT_EQ(dsl::render_text(read.diagnostics, read.sources, dsl::Colour::Never), "");
  return read.script.value_or(Script());
}

TEST(Script, HasEverythingThatATurnMaySay) {
  const Script script = good(R"(
version: 1
tasks:
  build:
    attempts:
      - turns:
          - thinking: Hm.
            text: I begin.
            tools:
              - {name: Bash, input: {command: make, timeout: 5}}
              - {name: apply_patch, input: "*** Begin Patch"}
            usage: {input: 12k, output: 80, thinking: 20, cache_read: 3k, cache_write: 1k}
            delay: 2s
            times: 3
            expects: was not accepted
          - error: {status: 429, message: later, retry_after: 30s, resets_after: 2h}
      - turns: [{text: no more, cut: unfinished}]
)");
  ASSERT_EQ(script.tasks.size(), 1u);
  const auto& attempts = script.tasks[0].attempts;
  ASSERT_EQ(attempts.size(), 2u);
  const ScriptTurn& turn = attempts[0][0];
  EXPECT_EQ(turn.thinking, "Hm.");
  EXPECT_EQ(turn.text, "I begin.");
  ASSERT_EQ(turn.tools.size(), 2u);
  EXPECT_EQ(turn.tools[0].name, "Bash");
  EXPECT_EQ(dsl::to_json(turn.tools[0].input), R"({"command":"make","timeout":5})");
  EXPECT_EQ(turn.tools[1].input, dsl::Value("*** Begin Patch"));
  EXPECT_EQ(turn.usage, (ScriptUsage{12'000, 80, 20, 3'000, 1'000}));
  EXPECT_EQ(turn.delay, dsl::Duration{2'000});
  EXPECT_EQ(turn.times, 3);
  EXPECT_EQ(turn.expects, "was not accepted");
  EXPECT_EQ(turn.place, "s.yaml:7:13");
  EXPECT_EQ(attempts[0][1].error,
            (ScriptError{429, "later", dsl::Duration{30'000}, dsl::Duration{7'200'000}}));
  EXPECT_EQ(attempts[1][0].cut, ScriptCut::Unfinished);
}

TEST(Script, TellsEveryMistakeWithItsPlaceAndRemedy) {
  EXPECT_THAT(wrong_turns("[{txt: Done.}]"),
              HasSubstr("unknown key 'txt' in a turn\n --> s.yaml:2:"));
  EXPECT_THAT(wrong_turns("[{txt: Done.}]"), HasSubstr("did you mean 'text'?"));
  EXPECT_THAT(wrong_turns("[{text: Done., error: {status: 500}}]"),
              HasSubstr("a turn is an error or an answer, not both"));
  EXPECT_THAT(wrong_turns("[{delay: 3s}]"), HasSubstr("a turn that says nothing"));
  EXPECT_THAT(wrong_turns("[]"), HasSubstr("a list of one turn or more, this is a list"));
  EXPECT_THAT(wrong_turns("[]"), HasSubstr("write turns: [{text: Done.}]"));
  EXPECT_THAT(wrong_turns("[{error: {status: 200}}]"), HasSubstr("400"));
  EXPECT_THAT(wrong_turns("[{text: x, cut: middle}]"), HasSubstr("unfinished"));
  EXPECT_THAT(wrong_turns("[{tools: [{name: Bash, input: make}]}]"),
              HasSubstr("write input: {command: make}"));
  EXPECT_THAT(wrong_turns("[{text: x, usage: {output: 200M}}]"), HasSubstr("at most 100M"));
  EXPECT_THAT(wrong("version: 2\ntasks: {}\n"), HasSubstr("s.yaml:1:10"));
  EXPECT_THAT(wrong("tasks: {}\n"), HasSubstr("'version'"));
}

TEST(Script, IsCheckedAgainstThePlan) {
  const dsl::Compilation compilation = dsl_test::compile_text(
      "tasks:\n"
      "  ask:\n    uses: std/agent/command\n    with: {prompt: x, command: cat}\n"
      "    matrix: {os: [a, b]}\n    success_criteria: [{'[ ] ok': 'true'}]\n"
      "  plain: {run: make, success_criteria: [{'[ ] ok': 'true'}]}\n");
  ASSERT_TRUE(compilation.plan) << dsl_test::messages(compilation);
  const auto of = [](const std::string& name) {
    return "version: 1\ntasks: {'" + name + "': {attempts: [{turns: [{text: x}]}]}}\n";
  };
  EXPECT_EQ(wrong(of("ask"), &*compilation.plan), "");
  EXPECT_THAT(wrong(of("ask[os=a]"), &*compilation.plan),
              HasSubstr("nothing is said to the agent of 'ask[os=b]'"));
  EXPECT_THAT(wrong("version: 1\ntasks: {ask: {attempts: [{turns: [{text: x}]}]},\n"
                    "  plane: {attempts: [{turns: [{text: x}]}]}}\n",
                    &*compilation.plan),
              HasSubstr("the pipeline has no task 'plane'"));
}

TEST(Script, HoldsForAllInstancesOfATaskButThoseThatAreNamed) {
  const Script script = good(
      "version: 1\ntasks: {test: {attempts: [{turns: [{text: all}]}]},\n"
      "  'test[os=b]': {attempts: [{turns: [{text: one}]}]}}\n");
  EXPECT_EQ(script.find(dsl::NodeId("test[os=a]"))->name, "test");
  EXPECT_EQ(script.find(dsl::NodeId("test[os=b]"))->name, "test[os=b]");
  EXPECT_EQ(script.find(dsl::NodeId("tests")), nullptr);
}

}  // namespace
}  // namespace runner
