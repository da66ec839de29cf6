// People's answers in the middle of a run: it ends while it waits, and goes on with what they said.

#include <csignal>
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Review : public testing::Test {
 protected:
  Review() {
    folder_.write("work.yaml", R"yaml(version: 1
name: work
engine: host
tasks:
  write:
    run: printf '%s\n' "${PIPE_FEEDBACK_TEXT:-as I like it}" >> notes.txt
    retry: {attempts: 2, feedback: criteria}
  aside: {run: date +%N > aside.txt}
  review: {approval: "Are the notes good?", needs: [write]}
  publish:
    needs: [review, aside]
    run: test -e "$GO" || { touch "$STARTED"; sleep 60; }; cp notes.txt public.txt
)yaml");
    user_.env["GO"] = (folder_.path() / "go").string();
    user_.env["STARTED"] = (folder_.path() / "started").string();
  }

  Ended pipe(const std::vector<std::string>& arguments) {
    return user_.run_pipe(arguments, project_.path().string());
  }
  json shown(const std::string& run) { return json::parse(pipe({"show", run, "--json"}).out); }
  std::string work() const { return (folder_.path() / "work.yaml").string(); }

  TempFolder folder_;
  TempFolder project_;
  User user_;
};

TEST_F(Review, WorkIsSentBackAndApprovedAcrossKilledRunners) {
  folder_.write("work.yaml",
                read_text(work()) + "workspace: {source: " + project_.path().string() +
                    "}\nenv: {GO: " + user_.env["GO"] + ", STARTED: " + user_.env["STARTED"] +
                    "}\n");
  EXPECT_EQ(pipe({"run", work(), "--name", "notes"}).exit_code, 4);
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("waiting"));
  json run = shown("notes");
  EXPECT_EQ(run["questions"],
            json::parse(R"([{"node":"review","criterion":null,"text":"Are the notes good?"}])"));

  const Ended rejected = pipe({"reject", "notes", "--because", "name the codes", "--by", "ann"});
  EXPECT_EQ(rejected.exit_code, 0) << rejected.err;
  EXPECT_THAT(rejected.out, HasSubstr("'write' will be done again"));
  EXPECT_THAT(pipe({"ls"}).out, HasSubstr("answered"));
  const Ended again = pipe({"resume", "notes"});
  EXPECT_EQ(again.exit_code, 4) << again.out << again.err;
  EXPECT_THAT(again.out, HasSubstr("sent back by ann: name the codes"));

  EXPECT_EQ(pipe({"approve", "notes", "review", "--by", "bob", "--because", "now"}).exit_code, 0);
  {
    Running runner(user_.pipe({"resume", "notes"}, project_.path().string()));
    ASSERT_TRUE(eventually([&] { return fs::exists(user_.env["STARTED"]); }));
    runner.signal(SIGKILL);
    runner.wait();
  }
  EXPECT_FALSE(fs::exists(project_.path() / "public.txt"));
  folder_.write("go", "");
  const Ended passed = pipe({"resume", "notes"});
  EXPECT_EQ(passed.exit_code, 0) << passed.out << passed.err;
  EXPECT_THAT(read_text(project_.path() / "public.txt"),
              AllOf(HasSubstr("as I like it"), HasSubstr("name the codes")));

  run = shown("notes");
  for (const json& node : run["nodes"]) {
    if (node["node"] == "review") {
      EXPECT_EQ(node["answered_by"], "bob");
      EXPECT_GT(node["answered_at_ms"], 1'700'000'000'000);
    } else if (node["node"] == "aside") {
      EXPECT_EQ(node["attempts"], 1) << "nothing of it was in question";
    }
  }
  const std::string journal = pipe({"attach", "notes", "--json"}).out;
  EXPECT_THAT(journal,
              HasSubstr(R"("kind":"person_answered","node":"review","criterion":-1,)"
                        R"("yes":false,"by":"ann","because":"name the codes")"));
  EXPECT_THAT(journal, HasSubstr(R"("again":["write"])"));
}

TEST_F(Review, ANoWithoutAReasonIsFinal) {
  EXPECT_EQ(pipe({"run", work(), "--name", "notes"}).exit_code, 4);
  EXPECT_THAT(pipe({"reject", "notes", "--redo", "write"}).err, HasSubstr("--redo needs a reason"));
  EXPECT_THAT(pipe({"reject", "notes", "--redo", "wrote", "--because", "x"}).err,
              HasSubstr("did you mean 'write'?"));
  const Ended ended = pipe({"reject", "notes", "review", "--resume"});
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("rejected by"));
}

// Nothing could do it again: the word was taken, and nobody was told what became of it (issue 5).
TEST_F(Review, ANoThatNothingCanDoAgainSaysThatItIsFinal) {
  folder_.write("ask.yaml", R"yaml(version: 1
name: ask
engine: host
tasks: {ask: {approval: Shall we?}}
)yaml");
  const std::string file = (folder_.path() / "ask.yaml").string();
  EXPECT_EQ(pipe({"run", file, "--name", "ask"}).exit_code, 4);
  const Ended rejected = pipe({"reject", "ask", "--because", "not today"});
  EXPECT_EQ(rejected.exit_code, 0);
  EXPECT_THAT(rejected.out,
              HasSubstr("rejected 'ask' of ask; it has failed, for nothing ran before it"));
  EXPECT_THAT(rejected.err, HasSubstr("`pipe resume ask`"));
  EXPECT_EQ(pipe({"resume", "ask"}).exit_code, 1);

  EXPECT_EQ(pipe({"run", file, "--name", "json"}).exit_code, 4);
  const json said = json::parse(pipe({"reject", "json", "--because", "no", "--json"}).out);
  EXPECT_EQ(said["failed"], true);
  EXPECT_EQ(said["again"], json::array());
}

TEST_F(Review, AManualBoxWaitsAndIsTickedWithWhoSaidSo) {
  folder_.write("box.yaml", R"yaml(version: 1
name: box
engine: host
tasks:
  write:
    run: echo "$PIPE_FEEDBACK_TEXT" > notes.txt
    success_criteria:
      - "[ ] It is there": test -s notes.txt
      - "[ ] It reads well": {manual: Does it read well?}
)yaml");
  const std::string file = (folder_.path() / "box.yaml").string();
  EXPECT_EQ(pipe({"run", file, "--name", "box"}).exit_code, 4);
  EXPECT_EQ(pipe({"reject", "box", "--because", "too long", "--resume"}).exit_code, 4);
  const Ended ended = pipe({"approve", "box", "--by", "ann", "--resume"});
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_THAT(ended.out, AllOf(HasSubstr("[x] It reads well"), HasSubstr("answer of ann")));
  // A person is asked each time: the word is for the run that asked.
  EXPECT_EQ(pipe({"run", file, "--name", "again"}).exit_code, 4);
}

}  // namespace
}  // namespace e2e
