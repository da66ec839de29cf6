#include "runner/run/verifier.h"

#include <gtest/gtest.h>

#include "tests/support/fake_trees.h"

namespace runner::test {
namespace {

class Verifier : public testing::Test {
 protected:
  Judgement judge(dsl::Criterion criterion) {
    return judge_tree(criterion, trees, input, input, produced);
  }
  Judgement file(dsl::FileCheck check) {
    dsl::Criterion criterion;
    criterion.check = std::move(check);
    return judge(criterion);
  }
  Judgement json(std::string pointer, dsl::JsonCheck::Comparison comparison, dsl::Value expected) {
    dsl::JsonCheck check;
    check.file = "r.json";
    check.pointer = std::move(pointer);
    check.comparison = comparison;
    check.expected = std::move(expected);
    dsl::Criterion criterion;
    criterion.check = check;
    return judge(criterion);
  }
  Judgement diff(dsl::DiffCheck check) {
    dsl::Criterion criterion;
    criterion.check = std::move(check);
    return judge(criterion);
  }

  FakeClock clock;
  FakeTrees trees{clock};
  TreeRef input = trees.add({{"src/a.c", "1"}, {"s.json", R"({"required":["ok"]})"}});
  TreeRef produced = trees.add({{"src/a.c", "2"},
                                {"notes.md", "all is well\n"},
                                {"s.json", "{}"},
                                {"r.json", R"({"a/b":[{"n":3}],"t":"x","ok":true})"}});
};

TEST_F(Verifier, AFileThatShouldBeThere) {
  EXPECT_EQ(file({"notes.md", true, {}, {}, {}}).verdict, Verdict::Met);
  EXPECT_EQ(file({"gone.md", true, {}, {}, {}}).verdict, Verdict::NotMet);
  EXPECT_EQ(file({"gone.md", false, {}, {}, {}}).verdict, Verdict::Met);
  EXPECT_EQ(file({"notes.md", false, {}, {}, {}}).evidence.result, "exists");
  EXPECT_EQ(file({"notes.md", true, {}, {}, true}).evidence.result, "not executable");
}

TEST_F(Verifier, AFilesContent) {
  EXPECT_EQ(file({"notes.md", true, "is well", {}, {}}).verdict, Verdict::Met);
  EXPECT_EQ(file({"notes.md", true, "is bad", {}, {}}).evidence.result,
            "does not contain 'is bad'");
  EXPECT_EQ(file({"notes.md", true, {}, "^all .* well$", {}}).verdict, Verdict::Met);
  EXPECT_EQ(file({"notes.md", true, {}, "^well", {}}).verdict, Verdict::NotMet);
  EXPECT_EQ(file({"notes.md", true, {}, "(?=look)", {}}).verdict, Verdict::Unverified);
}

TEST_F(Verifier, AValueInAJsonFile) {
  using C = dsl::JsonCheck::Comparison;
  EXPECT_EQ(json("/a~1b/0/n", C::GreaterOrEqual, dsl::Value(3.0)).verdict, Verdict::Met);
  EXPECT_EQ(json("/a~1b/0/n", C::Less, dsl::Value(3.0)).verdict, Verdict::NotMet);
  EXPECT_EQ(json("/t", C::Equals, dsl::Value("x")).verdict, Verdict::Met);
  EXPECT_EQ(json("/t", C::Less, dsl::Value(3.0)).evidence.result,
            "found \"x\", which is no number");
  EXPECT_EQ(json("/a~1b/1", C::Exists, {}).evidence.result, "nothing at that place");
  EXPECT_EQ(json("/ok", C::NotEquals, dsl::Value(true)).verdict, Verdict::NotMet);
}

TEST_F(Verifier, ASchemaIsReadFromTheRunsInputNotFromWhatTheNodeMadeOfIt) {
  dsl::JsonCheck check;
  check.schema = "s.json";
  dsl::Criterion criterion;
  check.file = "r.json";
  criterion.check = check;
  EXPECT_EQ(judge(criterion).verdict, Verdict::Met);
  check.file = "s.json";
  criterion.check = check;
  EXPECT_EQ(judge(criterion).verdict, Verdict::NotMet) << "the node emptied the schema in its tree";
}

TEST_F(Verifier, PathsThatMayOrMustNotChange) {
  EXPECT_EQ(diff({{"src/**", "*.md", "*.json"}, {}, {}}).verdict, Verdict::Met);
  EXPECT_EQ(diff({{"src/**", "*.json"}, {}, {}}).evidence.result, "notes.md must not change");
  EXPECT_EQ(diff({{}, {"src/"}, {}}).verdict, Verdict::NotMet);
  EXPECT_EQ(diff({{}, {}, {"tests/**"}}).evidence.result,
            "nothing that matches 'tests/**' changed");
}

TEST(Judge, AnExitCodeThatWasAskedForIsMet) {
  dsl::RunCheck check;
  check.exit_code = 3;
  JobEnd end;
  end.code = 3;
  EXPECT_EQ(judge_run(check, end, {}).verdict, Verdict::Met);
  end.code = 0;
  EXPECT_EQ(judge_run(check, end, {}).verdict, Verdict::NotMet);
}

TEST(Judge, ASignalOrTimeoutIsNotMetAndALostContainerProvesNothing) {
  JobEnd end;
  end.how = JobEnd::How::Signalled;
  end.code = 0;
  EXPECT_EQ(judge_run({}, end, {}).verdict, Verdict::NotMet);
  end.how = JobEnd::How::TimedOut;
  EXPECT_EQ(judge_run({}, end, {}).verdict, Verdict::NotMet);
  end.how = JobEnd::How::Lost;
  EXPECT_EQ(judge_run({}, end, {}).verdict, Verdict::Unverified);
  end.how = JobEnd::How::NotStarted;
  EXPECT_EQ(judge_run({}, end, {}).verdict, Verdict::Unverified);
}

TEST(Judge, AnHttpAnswer) {
  dsl::HttpCheck check;
  check.status = 200;
  check.contains = "hello";
  EXPECT_EQ(judge_http(check, "u", {}, "status 200\nhello you").verdict, Verdict::Met);
  EXPECT_EQ(judge_http(check, "u", {}, "status 200\nbye").evidence.result,
            "200, body does not contain 'hello'");
  EXPECT_EQ(judge_http(check, "u", {}, "status 404\n").evidence.result, "404 instead of 200");
  JobEnd refused;
  refused.code = 7;
  EXPECT_EQ(judge_http(check, "u", refused, "connection refused").verdict, Verdict::NotMet);
}

}  // namespace
}  // namespace runner::test
