#include "runner/run/verifier.h"

#include <gmock/gmock.h>
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
                                {"lib.so", "link to lib.so.1"},
                                {"lib.so.1", "link to ./src/../src/a.c"},
                                {"sources", "link to src"},
                                {"dangling", "link to gone"},
                                {"circle", "link to circle"},
                                {"absolute", "link to /etc/passwd"},
                                {"outside", "link to src/../../etc/passwd"},
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

TEST_F(Verifier, EveryComparisonOfAJsonValue) {
  using C = dsl::JsonCheck::Comparison;
  using V = dsl::Value;
  const V two(2.0);
  const V one_two(V::Record{{"a", V(1.0)}, {"b", V(2.0)}});
  const V large(9007199254740992.0);
  const Verdict yes = Verdict::Met;
  const Verdict no = Verdict::NotMet;
  const Verdict unsure = Verdict::Unverified;
  const struct {
    std::string document;
    C comparison;
    V expected;
    Verdict verdict;
  } rows[] = {
      {"{\"v\":1}", C::Equals, two, no},
      {"{\"v\":2}", C::Equals, two, yes},
      {"{\"v\":\"2\"}", C::Equals, two, no},
      {"{}", C::Equals, two, no},
      {"{\"v\":{\"b\":2,\"a\":1}}", C::Equals, one_two, yes},
      {"{\"v\":{\"b\":2,\"a\":1,\"c\":3}}", C::Equals, one_two, no},
      {"{\"v\":{\"b\":2,\"c\":1}}", C::Equals, one_two, no},
      {"{\"v\":[1,2]}", C::Equals, V(V::List{V(1.0), V(2.0)}), yes},
      {"{\"v\":[2,1]}", C::Equals, V(V::List{V(1.0), V(2.0)}), no},
      {"{\"v\":[1]}", C::Equals, V(V::List{V(1.0), V(2.0)}), no},
      {"{\"v\":null}", C::Equals, V(), yes},
      {"{\"v\":false}", C::Equals, V(), no},
      {"{\"v\":1}", C::NotEquals, two, yes},
      {"{\"v\":2}", C::NotEquals, two, no},
      {"{}", C::NotEquals, two, no},
      {"{\"v\":{\"b\":2,\"a\":1}}", C::NotEquals, one_two, no},
      {"{\"v\":1}", C::Less, two, yes},
      {"{\"v\":2}", C::Less, two, no},
      {"{\"v\":3}", C::Less, two, no},
      {"{\"v\":2}", C::LessOrEqual, two, yes},
      {"{\"v\":2.5}", C::LessOrEqual, two, no},
      {"{\"v\":1}", C::LessOrEqual, two, yes},
      {"{\"v\":3}", C::Greater, two, yes},
      {"{\"v\":2}", C::Greater, two, no},
      {"{\"v\":1}", C::Greater, two, no},
      {"{\"v\":2}", C::GreaterOrEqual, two, yes},
      {"{\"v\":3}", C::GreaterOrEqual, two, yes},
      {"{\"v\":1}", C::GreaterOrEqual, two, no},
      {"{\"v\":\"3\"}", C::GreaterOrEqual, two, no},
      {"{}", C::GreaterOrEqual, two, no},
      {"{\"v\":3}", C::GreaterOrEqual, V("2"), unsure},
      {"{\"v\":1}", C::Exists, V(true), yes},
      {"{\"v\":null}", C::Exists, V(true), yes},
      {"{}", C::Exists, V(true), no},
      {"{\"v\":1}", C::Exists, V(false), no},
      {"{\"v\":null}", C::Exists, V(false), no},
      {"{}", C::Exists, V(false), yes},
      {"not json", C::Exists, V(false), no},
      {"{\"v\":9007199254740993}", C::Equals, large, unsure},
      {"{\"v\":9007199254740993}", C::NotEquals, large, unsure},
      {"{\"v\":9007199254740993}", C::Greater, large, unsure},
      {"{\"v\":9007199254740999}", C::Equals, large, no},
      {"{\"v\":[9007199254740993]}", C::Equals, V(V::List{large}), unsure},
      {"{\"v\":" + std::string(80, '[') + std::string(80, ']') + "}", C::Exists, V(true), unsure},
      {"{\"v\":" + std::string(80, '[') + std::string(79, ']') + "}", C::Exists, V(true), no},
      {"{\"v\":1,\"v\":2}", C::Equals, two, unsure},
  };
  for (const auto& row : rows) {
    produced = trees.add({{"r.json", row.document}});
    const Judgement judgement = json("/v", row.comparison, row.expected);
    EXPECT_EQ(judgement.verdict, row.verdict)
        << row.document << ": " << judgement.evidence.what << ": " << judgement.evidence.result;
  }
}

TEST_F(Verifier, AJsonFileThatIsNotThereHoldsForNothing) {
  dsl::JsonCheck check;
  check.file = "gone.json";
  check.pointer = "/v";
  check.comparison = dsl::JsonCheck::Comparison::NotEquals;
  check.expected = dsl::Value(false);
  dsl::Criterion criterion;
  criterion.check = check;
  EXPECT_EQ(judge(criterion).evidence.result, "no such file");
  EXPECT_EQ(judge(criterion).verdict, Verdict::NotMet);
  check.file = "src";
  criterion.check = check;
  EXPECT_EQ(judge(criterion).evidence.result, "a folder, not a file");

  check.comparison = dsl::JsonCheck::Comparison::Exists;
  criterion.check = check;
  EXPECT_EQ(judge(criterion).verdict, Verdict::NotMet);
  EXPECT_EQ(judge(criterion).evidence.result,
            "a folder, not a file; `exists: false` is of a value in a file that is there");
}

TEST_F(Verifier, EveryPathThatIsOrIsNotAFile) {
  const struct {
    const char* path;
    const char* there;      // the result of `exists: true`, "" met
    const char* not_there;  // the result of `exists: false`, "" met
  } rows[] = {
      {"src/a.c", "", "exists"},
      {"gone", "no such file", ""},
      {"src/a.c/below", "no such file", ""},
      {"src", "a folder, not a file", "exists, as a folder"},
      {"lib.so", "", "exists, as a link"},
      {"sources", "a folder, not a file", "exists, as a link"},
      {"sources/a.c", "", "exists, behind a link"},
      {"sources/gone", "a link leads to nothing", ""},
      {"absolute/x", "a link leads out of the workspace", "a link leads out of the workspace"},
      {"dangling", "a link leads to nothing", "exists, as a link"},
      {"circle", "links lead in a circle", "exists, as a link"},
      {"absolute", "a link leads out of the workspace", "exists, as a link"},
      {"outside", "a link leads out of the workspace", "exists, as a link"},
  };
  for (const auto& row : rows) {
    const std::string there = row.there;
    const Judgement yes = file({row.path, true, {}, {}, {}});
    EXPECT_EQ(yes.verdict, there.empty() ? Verdict::Met : Verdict::NotMet) << row.path;
    EXPECT_EQ(yes.evidence.result, there.empty() ? "exists" : there) << row.path;
    const std::string not_there = row.not_there;
    const Judgement no = file({row.path, false, {}, {}, {}});
    EXPECT_EQ(no.verdict, not_there.empty() ? Verdict::Met : Verdict::NotMet) << row.path;
    EXPECT_EQ(no.evidence.result, not_there.empty() ? "absent" : not_there) << row.path;
  }
  EXPECT_EQ(file({"lib.so", true, "2", {}, {}}).verdict, Verdict::Met) << "read behind the link";
  EXPECT_EQ(file({"lib.so", true, "3", {}, {}}).verdict, Verdict::NotMet);
  EXPECT_EQ(file({"dangling", true, {}, {}, false}).verdict, Verdict::NotMet);
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
  produced = trees.add({{"src/a.c", "2"}, {"notes.md", "1"}, {"r.json", "{}"}});
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

TEST(Judge, EvidenceShowsWhatTheAuthorWroteAndNotOurVariables) {
  dsl::RunCheck check;
  check.command.argv = {dsl::Template("/bin/sh"),
                        dsl::Template("-e"),
                        dsl::Template("-c"),
                        dsl::Template("grep \"${PIPE_EXPR_1}\" ${PIPE_EXPR_2} ${HOME}")};
  dsl::Template later;
  later.pieces = {{dsl::Template::Piece::Kind::Expression, "needs.a.outputs.f"}};
  check.env = {{"PIPE_EXPR_1", dsl::Template("Hello")}, {"PIPE_EXPR_2", later}};
  dsl::Criterion criterion;
  criterion.check = check;
  const std::string shown = "grep \"Hello\" ${{ needs.a.outputs.f }} ${HOME}";
  EXPECT_EQ(judge_run(check, {}, {}).evidence.what, shown);
  EXPECT_EQ(describe(criterion), shown);
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
  const std::string long_answer = "status 200\n" + std::string(kBodyBytesRead, 'x');
  EXPECT_EQ(judge_http(check, "u", {}, long_answer).verdict, Verdict::Unverified);
  EXPECT_THAT(judge_http(check, "u", {}, long_answer).evidence.result,
              testing::HasSubstr("the rest is not read"));
  EXPECT_EQ(judge_http(check, "u", {}, "status 404\n").evidence.result, "404 instead of 200");
  JobEnd refused;
  refused.code = 7;
  EXPECT_EQ(judge_http(check, "u", refused, "connection refused").verdict, Verdict::NotMet);
}

}  // namespace
}  // namespace runner::test
