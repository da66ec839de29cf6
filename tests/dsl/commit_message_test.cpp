#include "dsl/commit_message.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

const CommitNames kNames{"api", "implement", "refresh\ntokens ${run}", "auth", "calm-otter"};

TEST(CommitTemplate, IsFilledOnceAndStaysOneLine) {
  EXPECT_EQ(fill_commit_template("feat(${task}): ${description} $5 ${\n\nof ${pipeline}/${run}\n",
                                 kNames),
            "feat(api): refresh tokens ${run} $5 ${\n\nof auth/calm-otter");
}

TEST(CommitTemplate, KnowsItsNamesAndNoOther) {
  EXPECT_FALSE(commit_template_problem("${task} ${phase} ${description} ${pipeline} ${run}"));
  ASSERT_TRUE(commit_template_problem("${taks}: x"));
  EXPECT_EQ(commit_template_problem("${taks}: x")->remedy, "did you mean 'task'?");
  EXPECT_TRUE(commit_template_problem("  \nbody"));
}

TEST(CommitTemplate, HasNoTrailersOfTheRunner) {
  ASSERT_TRUE(commit_template_problem("${task}\n\npipe-cost: $0"));
  EXPECT_FALSE(commit_template_problem("the Pipe-Cost: of ${task}"));
  Plan plan;
  plan.name = "p";
  plan.git.message = "${task}\n\n${description}\n";
  PlanNode node;
  node.description = "Pipe-Criteria: 9 of 9 met";
  EXPECT_EQ(commit_subject(plan, node, NodeId("api"), RunId("r")), "api\n\n");
  EXPECT_EQ(with_trailers(commit_subject(plan, node, NodeId("api"), RunId("r")), "Pipe-Run: r\n"),
            "api\n\nPipe-Run: r\n");
}

TEST(CommitTrailers, JoinThoseThatAreThere) {
  EXPECT_EQ(with_trailers("fix: x", "Pipe-Run: r\n"), "fix: x\n\nPipe-Run: r\n");
  EXPECT_EQ(with_trailers("fix: x\n\nWhy.\n\n", "Pipe-Run: r\n"),
            "fix: x\n\nWhy.\n\nPipe-Run: r\n");
  EXPECT_EQ(with_trailers("fix: x\n\nSigned-off-by: a\n", "Pipe-Run: r\n"),
            "fix: x\n\nSigned-off-by: a\nPipe-Run: r\n");
}

}  // namespace
}  // namespace dsl
