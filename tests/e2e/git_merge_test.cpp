// A task that merges what others did, on a real repository.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class GitMerge : public GitRun {
 protected:
  /// `second` changes the same line as the first; `resolver` is the command of the task that
  /// merges.
  static std::string pipeline(const std::string& second, const std::string& resolver) {
    return R"yaml(tasks:
  left:
    run: sed -i s/two/deux/ kept.txt
    success_criteria: ["[ ] French": grep -q deux kept.txt]
  right:
    run: )yaml" +
           second + R"yaml(
    success_criteria: ["[ ] German": cat *.txt | grep -q zwei]
  join:
    description: both languages
    merge: [left, right]
    retry: {attempts: 2, feedback: criteria}
    run: |
      cat "$PIPE_FEEDBACK" > told.txt
      )yaml" +
           resolver + R"yaml(
  release:
    needs: [join]
    run: cat *.txt > released
)yaml";
  }
  static constexpr const char* kSameLine = "sed -i s/two/zwei/ kept.txt";
  /// A file that the first has nothing to do with.
  static constexpr const char* kOtherFile = "echo zwei > german.txt";
  std::string show(const std::string& what) { return user_.git({"show", what}, folder()); }
};

TEST_F(GitMerge, ResolvesLinesThatBothChanged) {
  const Ended ended = run(pipeline(kSameLine, "printf 'one\\ndeux zwei\\nthree\\n' > kept.txt"));
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(show("pipe/p/r:kept.txt"), "one\ndeux zwei\nthree");
  EXPECT_THAT(show("pipe/p/r:told.txt"),
              AllOf(HasSubstr("'kept.txt' was changed by both 'left' and 'right'"),
                    HasSubstr("between marks")));
  // One commit that merges both, with nothing in between that anybody could check out broken.
  EXPECT_EQ(user_.git({"log", "--merges", "--format=%s", "main..pipe/p/r"}, folder()),
            "join: both languages");
  EXPECT_EQ(user_.git({"log", "--format=%s", "-S<<<<<<<", "pipe/p/r", "--", "kept.txt"}, folder()),
            "");
  EXPECT_EQ(user_.git({"rev-list", "--count", "main..pipe/p/r"}, folder()), "4");
}

TEST_F(GitMerge, WhatItMakesHasToHoldForBoth) {
  const Ended ended = run(pipeline(kSameLine, R"(case "$PIPE_ATTEMPT" in
        1) printf 'one\ndeux\nthree\n' ;;
        *) grep -q "'German' of 'right'" told.txt && printf 'one\ndeux zwei\nthree\n' ;;
      esac > kept.txt)"));
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(show("pipe/p/r:kept.txt"), "one\ndeux zwei\nthree");

  const Ended never = pipe(
      {"run",
       outside_.write("never.yaml", pipeline_head() + pipeline(kSameLine, "echo two > kept.txt")),
       "--name",
       "never"});
  EXPECT_EQ(never.exit_code, 1) << never.out;
  EXPECT_THAT(
      never.out,
      AllOf(HasSubstr("on the resolved merge of 'left' and 'right'"), Not(HasSubstr("BUG"))));
  EXPECT_THAT(user_.git({"branch", "--list", "pipe/p/never"}, folder()), testing::IsEmpty());
}

TEST_F(GitMerge, MarksThatAreLeftAreNoResolution) {
  const Ended ended = run(pipeline(kSameLine, "true"));
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("'kept.txt' still has the marks of a conflict"));
}

TEST_F(GitMerge, ResolvesWhatMergesAndDoesNotGoTogether) {
  std::string text = pipeline(kOtherFile, "rm german.txt && echo zwei > other.txt");
  const std::string french = "grep -q deux kept.txt";
  text.replace(text.find(french), french.size(), "grep -q deux kept.txt && ! test -e german.txt");
  const Ended ended = run(text);
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(show("pipe/p/r:told.txt"),
              HasSubstr("'French' of 'left' is met without the work of 'right'"));
  EXPECT_EQ(show("pipe/p/r:other.txt"), "zwei");
  const json shown = json::parse(pipe({"show", "r", "--json"}).out);
  const json& join = shown.at("nodes").at(2);
  EXPECT_EQ(join.at("node"), "join");
  EXPECT_THAT(join.at("resolves").get<std::string>(), HasSubstr("'French' of 'left'"));
  ASSERT_EQ(join.at("merge").at("criteria").size(), 2U);
  for (const json& one : join.at("merge").at("criteria")) {
    EXPECT_EQ(one.at("standing"), "met") << one;
  }
}

TEST_F(GitMerge, DoesNotRunWhereAllGoesTogether) {
  const Ended ended = run(pipeline(kOtherFile, "false"));
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(user_.git({"ls-tree", "--name-only", "pipe/p/r"}, folder()),
              AllOf(HasSubstr("german.txt"), Not(HasSubstr("told.txt"))));
}

TEST_F(GitMerge, SaysWhatCannotBeMerged) {
  for (const auto& [text, what] :
       {std::pair("tasks:\n  a: {run: x}\n  m: {merge: [a], needs: [a], run: x}\n",
                  "'needs' beside 'merge'"),
        std::pair("tasks:\n  m: {merge: [], run: x}\n", "nothing to merge"),
        std::pair("tasks:\n  a: {run: x}\n  m: {merge: [a], approval: ok?}\n",
                  "'approval' beside 'merge'"),
        std::pair("tasks:\n  a: {run: x}\n  m: {merge: [b], run: x}\n", "no task 'b'"),
        std::pair("tasks:\n  a: {run: x}\n  m: {merge: [a]}\n", "does nothing")}) {
    const Ended ended = pipe({"validate", outside_.write("bad.yaml", pipeline_head() + text)});
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.out + ended.err, HasSubstr(what));
  }
}

TEST_F(GitMerge, APlanTellsWhatIsVerifiedAgain) {
  const std::string file = outside_.write("p.yaml", pipeline_head() + pipeline(kSameLine, "true"));
  const Ended plan = pipe({"plan", file});
  EXPECT_THAT(plan.out,
              AllOf(HasSubstr("join  merges left, right"),
                    HasSubstr("2 criteria of left, right verified again on the merge"),
                    HasSubstr("only where their work does not go together")));
}

}  // namespace
}  // namespace e2e
