#include "dsl/conventional_commit.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

TEST(ConventionalCommit, TakesWhatTheStandardTakes) {
  for (const char* line : {"fix: a",
                           "feat(api): a",
                           "feat(api)!: a",
                           "chore!: a b",
                           "Merge a, b",
                           "Revert \"fix: a\"",
                           "docs(a/b c): x\n\nbody"}) {
    EXPECT_FALSE(conventional_problem(line)) << line;
  }
  for (const char* line : {"",
                           "a",
                           "fix:a",
                           "fix : a",
                           "fix(): a",
                           "fix(a: b",
                           "Fix: a",
                           "fix: ",
                           "fix(a)b: c",
                           "wip: a",
                           "api: refresh"}) {
    EXPECT_TRUE(conventional_problem(line)) << line;
  }
  EXPECT_EQ(conventional_problem("feet: a")->remedy, "did you mean 'feat'?");
}

}  // namespace
}  // namespace dsl
