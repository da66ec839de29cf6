// `learnings:` and `context:` with the real binary. Any command is an agent here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kAgents = R"yaml(learnings: AGENTS.md
tasks:
  one:
    uses: std/agent/command
    with: {prompt: first, command: 'echo "- one was here" >> AGENTS.md; printf 7 > "$PIPE_OUTPUTS/answer"'}
    outputs: {answer: string}
    success_criteria: [{"[ ] it is there": grep one AGENTS.md}]
  two:
    uses: std/agent/command
    with: {prompt: second, command: 'echo "- two was here" >> AGENTS.md; cp "$PIPE_PROMPT" told-two'}
    success_criteria: [{"[ ] it is there": grep two AGENTS.md}]
  three:
    needs: [one, two]
    uses: std/agent/command
    with: {prompt: third, command: 'cp "$PIPE_PROMPT" told-three'}
    context: [outputs, diff]
    success_criteria: [{"[ ] both are there": test "$(grep -c here AGENTS.md)" = 2}]
)yaml";

TEST_F(GitRun, WhatAgentsLearnIsCommittedAndToldToTheNext) {
  const Ended ended = run(kAgents);
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  const auto at = [&](const std::string& file) {
    return user_.git({"show", "pipe/p/r:" + file}, folder());
  };
  EXPECT_EQ(at("AGENTS.md"), "- one was here\n- two was here");
  EXPECT_THAT(at("told-two"),
              AllOf(HasSubstr("second\n\n# What others should know"), Not(HasSubstr("one was"))));
  EXPECT_THAT(at("told-three"),
              AllOf(HasSubstr("# Outputs of earlier tasks\n\none.answer = \"7\"\n"),
                    HasSubstr("added AGENTS.md\n@@ -0,0 +1,2 @@\n+- one was here\n"),
                    HasSubstr("('AGENTS.md')\n\n- one was here\n- two was here")));
}

TEST_F(GitRun, ContextIsForAgents) {
  const Ended ended = run("tasks:\n  a: {run: 'true', context: [outputs, dif]}\n");
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("'diff'")) << "the nearest word";
  const Ended useless = run("tasks:\n  a: {run: 'true', context: diff}\n");
  EXPECT_EQ(useless.exit_code, 2);
  EXPECT_THAT(useless.err, HasSubstr("'context' tells an agent of earlier work"));
}

}  // namespace
}  // namespace e2e
