// pipe run --continue: a run goes on from the branch of another, and its agent from the session.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// An agent that writes down what it is asked, in the project and in its session, and fails where
/// it is told of a session that is not there.
const char* const kStep = R"yaml(name: fake
inputs:
  prompt: {type: string}
  notes: {type: string}
run: |
  set -e
  notes="${{ inputs.notes }}"
  mkdir -p "$HOME/.fake"
  session="${PIPE_SESSION:-}"
  if [ -n "$session" ]; then test -e "$HOME/.fake/$session"; else session=s-$PIPE_RUN; fi
  cat "$PIPE_PROMPT" >> "$HOME/.fake/$session"
  cat "$PIPE_PROMPT" >> "$notes"
  cp "$HOME/.fake/$session" "$notes.session"
  echo "{\"type\":\"done\",\"session\":\"$session\"}"
agent:
  prompt: ${{ inputs.prompt }}
  state: [~/.fake]
  stream:
    - {when: {/type: done}, take: {session: /session}, reason: done, ends: true}
)yaml";

std::string agent(const std::string& prompt, const std::string& notes = "notes.txt") {
  return "\n    uses: ./fake.yaml\n    with: {prompt: " + prompt + ", notes: " + notes +
         "}\n    success_criteria:\n      - \"[ ] It is noted\": {run: \"grep -q note " + notes +
         "\", red_first: true}\n";
}

class FollowUp : public GitRun {
 protected:
  FollowUp() { outside_.write("fake.yaml", kStep); }
  std::string show(const std::string& what) { return user_.git({"show", what}, folder()); }
  Ended go_on(const std::string& from,
              const std::string& name,
              const std::string& prompt,
              const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"run", "--continue", from, "--prompt", prompt, "--name", name};
    all.insert(all.end(), more.begin(), more.end());
    return pipe(all);
  }
};

TEST_F(FollowUp, GoesOnThreeTimesWithHistoryAndSession) {
  NEEDS_ENGINE(Engine::Sandbox);
  const std::string file =
      outside_.write("p.yaml",
                     "version: 1\nname: p\nengine: sandbox\nworkspace: {source: " + folder() +
                         "}\ntasks:\n  write:" + agent("first note"));
  const Ended first = pipe({"run", file, "--name", "r1"});
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  const std::vector<std::string> prompts = {"second note", "third note", "fourth note"};
  std::string asked = "first note";
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const std::string before = "r" + std::to_string(i + 1);
    const std::string now = "r" + std::to_string(i + 2);
    const Ended ended = go_on(before, now, prompts[i]);
    ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("'write' goes on with its session of '" + before + "'"));
    asked += "\n" + prompts[i];
    EXPECT_EQ(show("pipe/p/" + now + ":notes.txt"), asked);
    EXPECT_EQ(show("pipe/p/" + now + ":notes.txt.session"), asked);
    EXPECT_EQ(user_.git({"rev-parse", "pipe/p/" + now + "~1"}, folder()),
              user_.git({"rev-parse", "pipe/p/" + before}, folder()));
  }
  EXPECT_EQ(user_.git({"rev-list", "--count", "main..pipe/p/r4"}, folder()), "4");
  // Two runs may go on from the same one: neither knows what the other was asked.
  const Ended other = go_on("r1", "other", "another note");
  ASSERT_EQ(other.exit_code, 0) << other.out << other.err;
  EXPECT_EQ(show("pipe/p/other:notes.txt.session"), "first note\nanother note");
}

TEST_F(FollowUp, WithoutASessionTheAgentIsAskedAllAnew) {
  ASSERT_EQ(run("tasks:\n  write:" + agent("first note")).exit_code, 0);
  user_.git({"switch", "-q", "pipe/p/r"}, folder());
  folder_.write("by-hand.txt", "mine\n");
  user_.git({"add", "by-hand.txt"}, folder());
  user_.git({"commit", "-qm", "by hand"}, folder());
  user_.git({"switch", "-q", "main"}, folder());
  const Ended ended = go_on("r", "s", "second note");
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(show("pipe/p/s:notes.txt"), "first note\nfirst note\n\nsecond note");
  EXPECT_EQ(show("pipe/p/s:by-hand.txt"), "mine");  // the branch as it is now
}

TEST_F(FollowUp, AsksOneAgentAndVerifiesAll) {
  const std::string two = "tasks:\n  one:" + agent("one note") + "  two:\n    needs: [one]" +
                          agent("two note", "two.txt") +
                          "  three:" + agent("three note", "three.txt");
  ASSERT_EQ(run(two).exit_code, 0);
  const Ended unsaid = go_on("r", "s", "more notes");
  EXPECT_EQ(unsaid.exit_code, 2);
  EXPECT_THAT(unsaid.err,
              AllOf(HasSubstr("several agents"), HasSubstr("with --task: its agents are one, ")));
  EXPECT_THAT(go_on("r", "s", "more notes", {"--task", "tow"}).err,
              HasSubstr("did you mean 'two'"));
  const Ended ended = go_on("r", "s", "more notes", {"--task", "two"});
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("3 of 3 criteria met"));
  EXPECT_EQ(user_.git({"diff", "--name-only", "pipe/p/r", "pipe/p/s"}, folder()),
            "two.txt\ntwo.txt.session");
  EXPECT_EQ(show("pipe/p/s:two.txt"), "two note\ntwo note\n\nmore notes");  // engine host
}

TEST_F(FollowUp, RefusesWhatItCannotGoOnFrom) {
  ASSERT_EQ(run("tasks: {a: {run: echo 1 > a}}\n").exit_code, 0);
  EXPECT_THAT(go_on("r", "s", "more").err, HasSubstr("'p' has no agent"));
  EXPECT_THAT(go_on("nobody", "s", "more").err, HasSubstr("nobody"));
  EXPECT_THAT(pipe({"run", "--continue", "r"}).err, HasSubstr("--prompt"));
  EXPECT_THAT(pipe({"run", outside_.path().string() + "/p.yaml", "--prompt", "x"}).err,
              HasSubstr("--continue"));
  EXPECT_THAT(go_on("r", "s", "more", {"--dirty"}).err, HasSubstr("leave them out"));

  const std::string fails = "tasks:\n  write:" + agent("nothing");
  const std::string file = outside_.write("fails.yaml", pipeline_head() + fails);
  ASSERT_EQ(pipe({"run", file, "--name", "f"}).exit_code, 1);
  const Ended failed = go_on("f", "s", "a note");
  EXPECT_EQ(failed.exit_code, 2);
  EXPECT_THAT(failed.err, HasSubstr("'f' has not passed"));

  const std::string good =
      outside_.write("good.yaml", pipeline_head() + "tasks:\n  write:" + agent("a note"));
  ASSERT_EQ(pipe({"run", good, "--name", "g"}).exit_code, 0);
  user_.git({"branch", "-qD", "pipe/p/g"}, folder());
  const Ended gone = go_on("g", "s", "a note");
  EXPECT_EQ(gone.exit_code, 3);
  EXPECT_THAT(gone.err, HasSubstr("no branch 'pipe/p/g' any more"));
}

}  // namespace
}  // namespace e2e
