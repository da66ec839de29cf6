// Plan, approve, tamper with each part in turn, refuse: on a real repository.

#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>

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

const char* const kPipeline = R"yaml(version: 1
name: release
engine: host
require_approval: true
env_file: .env
inputs:
  word: {type: string, default: hello}
workspace: {protect: [rules/]}
pools: {one: 1}
tasks:
  build:
    run: echo "${{ inputs.word }}" > out.txt
    timeout: 5m
    pool: one
    retry: {attempts: 2}
    success_criteria:
      - "[ ] It greets": ./checks/greets hello
      - "[ ] It is there": {file: {path: out.txt, exists: true}}
  tidy:
    needs: [build]
    uses: ./steps/tidy.yaml
)yaml";

class SealedPlan : public testing::Test {
 protected:
  SealedPlan() {
    write("release.yaml", kPipeline);
    write("steps/tidy.yaml", "name: tidy\nrun: test -s out.txt\n");
    write("checks/greets", "#!/bin/sh\ngrep -q \"$1\" out.txt\n");
    fs::permissions(project_.path() / "checks/greets", fs::perms::owner_all);
    write("rules/style", "short\n");
    user_.git({"init", "-q", "-b", "main"}, folder());
    commit("first");
  }

  [[nodiscard]] std::string folder() const { return project_.path().string(); }
  [[nodiscard]] std::string plan() const { return (papers_.path() / "plan.json").string(); }
  void write(const std::string& name, const std::string& text) { project_.write(name, text); }
  void commit(const std::string& message) {
    user_.git({"add", "-A"}, folder());
    user_.git({"commit", "-q", "-m", message}, folder());
  }
  Ended pipe(const std::vector<std::string>& arguments) {
    return user_.run_pipe(arguments, folder());
  }
  void replace(const std::string& file, const std::string& old_text, const std::string& new_text) {
    std::string text = read_text(project_.path() / file);
    const std::size_t at = text.find(old_text);
    ASSERT_NE(at, std::string::npos) << old_text;
    write(file, text.replace(at, old_text.size(), new_text));
  }
  void seal() {
    const Ended sealed = pipe({"plan", "release.yaml", "-o", plan()});
    ASSERT_EQ(sealed.exit_code, 0) << sealed.err;
  }
  void seal_and_approve() {
    seal();
    const Ended approved = pipe({"approve", plan(), "--by", "ann"});
    ASSERT_EQ(approved.exit_code, 0) << approved.err;
  }

  TempFolder project_;
  TempFolder papers_;
  User user_;
};

TEST_F(SealedPlan, OnlyAnApprovedPlanIsRunAndTheJournalSaysWhose) {
  const Ended plain = pipe({"run", "release.yaml"});
  EXPECT_EQ(plain.exit_code, 2);
  EXPECT_THAT(plain.err, HasSubstr("pipe approve plan.json"));
  seal();
  const Ended unapproved = pipe({"run", "--plan", plan()});
  EXPECT_EQ(unapproved.exit_code, 2);
  EXPECT_THAT(unapproved.err, HasSubstr("nobody has approved this plan"));
  EXPECT_THAT(pipe({"show-plan", plan()}).out, HasSubstr("not approved, and it has to be"));

  EXPECT_THAT(pipe({"approve", plan(), "--by", "ann"}).out, HasSubstr("ann approved"));
  EXPECT_THAT(pipe({"show-plan", plan()}).out,
              AllOf(HasSubstr("approved by ann (a plain record)"),
                    HasSubstr("checks/greets (checks)"),
                    HasSubstr("steps/tidy.yaml (part of the pipeline)"),
                    HasSubstr("rules/ (protected)")));
  const Ended ran = pipe({"run", "--plan", plan(), "--name", "sealed"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  const json run = json::parse(pipe({"show", "sealed", "--json"}).out);
  EXPECT_EQ(run["approved_by"], json::array({"ann (a plain record)"}));
  const std::string digest = json::parse(read_text(plan()))["digest"];
  EXPECT_EQ(run["sealed"], digest);
  // What people approved, not a digest that nobody has seen.
  EXPECT_THAT(user_.git({"log", "-1", "--format=%B", "pipe/release/sealed"}, folder()),
              HasSubstr("Pipe-Plan: " + digest));
}

// Each change alone, then the run is refused with the part that drifted; put back, it may run.
TEST_F(SealedPlan, RefusesWhateverPartHasDrifted) {
  seal_and_approve();
  struct Tampering {
    std::string file;
    std::string old_text;
    std::string new_text;
    std::string said;
  };
  const std::string pipeline = "release.yaml";
  const std::vector<Tampering> all = {
      {pipeline, "echo \"$", "printf \"$", "task 'build': runs"},
      {pipeline, "greets hello", "greets h", "task 'build': criteria It greets check"},
      {pipeline,
       "      - \"[ ] It is there\": {file: {path: out.txt, exists: true}}\n",
       "",
       "task 'build': criteria It is there is gone"},
      {pipeline, "timeout: 5m", "timeout: 50m", "task 'build': timeout: 5m -> 50m"},
      {pipeline, "attempts: 2", "attempts: 3", "task 'build': retry attempts: 2 -> 3"},
      {pipeline, "one: 1", "one: 2", "the pipeline: pools one limit: 1 -> 2"},
      {pipeline, "default: hello", "default: hello there", "the pipeline: inputs"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    firewall: {allow: [evil.test:443]}\n",
       "task 'build': firewall allow evil.test:443 is new"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    secrets: {KEY: {expose: true}}\n",
       "task 'build': secrets KEY is new"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    permissions: {allow: [make]}\n",
       "task 'build': permissions allow make is new"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    docker: socket\n",
       "task 'build': docker: \"none\" -> \"socket\""},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    budget: {cost: $5}\n",
       "task 'build': budget cost: none -> $5"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    resources: {memory: 1GiB}\n",
       "task 'build': resources memory: none -> 1GiB"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    allow_failure: true\n",
       "task 'build': allow failure: false -> true"},
      {pipeline,
       "    pool: one\n",
       "    pool: one\n    env: {LD_PRELOAD: ./x.so}\n",
       "task 'build': env LD_PRELOAD is new"},
      {pipeline, "    needs: [build]\n", "", "task 'tidy': needs build is gone"},
      {pipeline,
       "protect: [rules/]",
       "protect: []",
       "the pipeline: workspace protect rules/ is gone"},
      {pipeline,
       "require_approval: true",
       "require_approval: false",
       "the pipeline: require approval: true -> false"},
      {pipeline, "env_file: .env", "env_file: .env2", "the pipeline: env files .env is gone"},
      {pipeline,
       "  tidy:\n",
       "  more: {run: curl evil.test}\n  tidy:\n",
       "task 'more': is new: runs curl evil.test"},
      {"steps/tidy.yaml", "test -s", "test -e", "file 'steps/tidy.yaml': has another content"},
      {"checks/greets", "grep -q", "true ||", "check script 'checks/greets': has another content"},
      {"rules/style", "short", "long", "protected file 'rules/': has another content"},
      {"out.txt", "", "hello\n", "the input: other files"},
  };
  for (const Tampering& one : all) {
    const bool is_new = one.old_text.empty();
    is_new ? write(one.file, one.new_text) : replace(one.file, one.old_text, one.new_text);
    commit("tampered");
    const Ended refused = pipe({"run", "--plan", plan()});
    EXPECT_EQ(refused.exit_code, 2) << one.said << refused.out << refused.err;
    EXPECT_THAT(refused.err, HasSubstr("not as sealed: " + one.said));
    user_.git({"reset", "-q", "--hard", "HEAD~1"}, folder());
  }
  EXPECT_EQ(pipe({"ls"}).out.find("release"), std::string::npos) << "no run was begun";
  EXPECT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0);
}

// The program of a secret ran before anybody looked at it, and whatever it was (issue 5).
TEST_F(SealedPlan, RefusesAnotherProgramOfASecretBeforeItIsRun) {
  write("tools/token", "#!/bin/sh\necho a-value\n");
  write("tools/more.sh", "echo another-value\n");
  fs::permissions(project_.path() / "tools/token", fs::perms::owner_all);
  write("release.yaml",
        "version: 1\nname: release\nengine: host\n"
        "secrets:\n  ONE: {command: [./tools/token], expose: true}\n"
        "  TWO: {command: [sh, tools/more.sh], expose: true}\n"
        "tasks: {build: {run: 'test \"$ONE\" = a-value'}}\n");
  commit("with secrets");
  seal();
  EXPECT_THAT(pipe({"show-plan", plan()}).out,
              AllOf(HasSubstr("./tools/token (tells a secret)"),
                    HasSubstr("tools/more.sh (tells a secret)"),
                    HasSubstr(" sh (tells a secret)")));
  EXPECT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0);
  for (const std::string name : {"./tools/token", "tools/more.sh"}) {
    const std::string was = read_text(project_.path() / name);
    const std::string marker = (papers_.path() / "ran").string();
    write(name, "#!/bin/sh\ntouch " + marker + "\necho a-value\n");
    const Ended refused = pipe({"run", "--plan", plan()});
    EXPECT_EQ(refused.exit_code, 2) << refused.out;
    EXPECT_THAT(
        refused.err,
        HasSubstr("not as sealed: program of a secret '" + name + "': has another content"));
    EXPECT_FALSE(fs::exists(marker)) << "it was run";
    write(name, was);
  }
  EXPECT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0);
}

TEST_F(SealedPlan, PushesOnlyWhereItWasSealed) {
  const std::string remote = (papers_.path() / "remote.git").string();
  const std::string other = (papers_.path() / "other.git").string();
  user_.git({"init", "-q", "--bare", remote}, folder());
  user_.git({"init", "-q", "--bare", other}, folder());
  user_.git({"remote", "add", "origin", "https://me:key@example.test/a.git?t=1"}, folder());
  write("release.yaml",
        "version: 1\nname: release\nengine: host\ngit: {push: true}\n"
        "tasks:\n  ask: {approval: 'Go on?'}\n"
        "  build: {needs: [ask], run: 'echo x > out.txt'}\n");
  commit("with a push");
  seal();
  EXPECT_THAT(pipe({"show-plan", plan()}).out,
              HasSubstr("pushed to: origin (https://example.test/a.git)\n"));
  user_.git({"remote", "set-url", "origin", remote}, folder());
  EXPECT_THAT(pipe({"run", "--plan", plan()}).err,
              HasSubstr("not as sealed: the remote 'origin': address: "
                        "\"https://example.test/a.git\" -> \"" +
                        remote + "\""));
  EXPECT_EQ(pipe({"run", "--plan", plan(), "--no-push"}).exit_code, 4) << "then it does not matter";

  seal();
  ASSERT_EQ(pipe({"run", "--plan", plan(), "--name", "waits"}).exit_code, 4);
  user_.git({"remote", "set-url", "origin", other}, folder());
  EXPECT_EQ(pipe({"approve", "waits", "--resume"}).exit_code, 2);
  user_.git({"remote", "set-url", "origin", remote}, folder());
  EXPECT_EQ(pipe({"resume", "waits"}).exit_code, 0);
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)"}, remote),
            "pipe/release/waits");

  user_.git({"remote", "set-url", "--push", "origin", other}, folder());
  EXPECT_THAT(pipe({"push", "waits"}).err,
              HasSubstr("not as sealed: the remote 'origin' leads to"));
  EXPECT_EQ(user_.git({"branch", "--list"}, other), "");
  user_.git({"remote", "add", "mine", other}, folder());
  EXPECT_EQ(pipe({"push", "waits", "--remote", "mine"}).exit_code, 0) << "the user's own word";
}

// A pipeline that runs only from approved plans could not be continued at all (issue 5).
TEST_F(SealedPlan, ARunThatGoesOnFromAnotherIsSealedAndApprovedToo) {
  write("steps/fake.yaml", R"yaml(name: fake
inputs: {prompt: {type: string}}
run: |
  cat "$PIPE_PROMPT" >> out.txt
  echo '{"type":"done"}'
agent:
  prompt: ${{ inputs.prompt }}
  stream:
    - {when: {/type: done}, reason: done, ends: true}
)yaml");
  write("release.yaml",
        "version: 1\nname: release\nengine: host\nrequire_approval: true\n"
        "tasks: {write: {uses: ./steps/fake.yaml, with: {prompt: first}}}\n");
  commit("with an agent");
  seal_and_approve();
  ASSERT_EQ(pipe({"run", "--plan", plan(), "--name", "one"}).exit_code, 0);
  EXPECT_THAT(pipe({"run", "--continue", "one", "--prompt", "more"}).err,
              HasSubstr("`pipe plan --continue one --prompt … -o plan.json`"));

  const Ended sealed = pipe({"plan", "--continue", "one", "--prompt", "more", "-o", plan()});
  ASSERT_EQ(sealed.exit_code, 0) << sealed.err;
  EXPECT_THAT(pipe({"show-plan", plan()}).out, HasSubstr("--continue one --prompt 'more'"));
  EXPECT_EQ(pipe({"run", "--plan", plan(), "--name", "two"}).exit_code, 2) << "nobody approved it";
  ASSERT_EQ(pipe({"approve", plan(), "--by", "ann"}).exit_code, 0);
  const Ended ran = pipe({"run", "--plan", plan(), "--name", "two"});
  ASSERT_EQ(ran.exit_code, 0) << ran.out << ran.err;
  EXPECT_THAT(user_.git({"show", "pipe/release/two:out.txt"}, folder()), HasSubstr("more"));

  user_.git({"branch", "-f", "pipe/release/one", "main"}, folder());
  EXPECT_THAT(pipe({"run", "--plan", plan(), "--name", "three"}).err,
              HasSubstr("not as sealed: the input: other files"));
  EXPECT_EQ(pipe({"run", "other.yaml", "--plan", plan()}).exit_code, 2);
}

TEST_F(SealedPlan, RefusesADocumentThatWasChanged) {
  seal_and_approve();
  std::string text = read_text(plan());
  const std::string digest = json::parse(text)["digest"];
  text.replace(text.find("checks/greets"), 6, "chicks");
  papers_.write("plan.json", text);
  EXPECT_THAT(pipe({"run", "--plan", plan()}).err, HasSubstr("was changed after it was sealed"));

  // Sealed anew, with the old word for it: that was for another plan.
  seal();
  json fresh = json::parse(read_text(plan()));
  fresh["approvals"] = json::parse(text)["approvals"];
  papers_.write("plan.json", fresh.dump());
  EXPECT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0) << "the same plan has the same digest";
  replace("release.yaml", "attempts: 2", "attempts: 1");
  commit("other");
  seal();
  fresh = json::parse(read_text(plan()));
  fresh["approvals"] = json::parse(text)["approvals"];
  papers_.write("plan.json", fresh.dump());
  EXPECT_THAT(pipe({"run", "--plan", plan()}).err,
              HasSubstr("the approval of 'ann' does not count: it is for another plan"));
  EXPECT_THAT(pipe({"run", "--plan", plan(), "--input", "word=x"}).err,
              HasSubstr("--plan says how the plan is made"));
}

TEST_F(SealedPlan, SignaturesAreCheckedAgainstThoseWhoMaySign) {
  const auto key = [this](const std::string& name) {
    const std::string path = (papers_.path() / name).string();
    const Ended made = run({{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path}, "", {}});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    return path;
  };
  const std::string anns = key("ann");
  const std::string bobs = key("bob");
  seal();
  EXPECT_THAT(pipe({"approve", plan(), "--by", "ann", "--key", anns}).out,
              HasSubstr("signed with"));
  EXPECT_THAT(pipe({"show-plan", plan()}).out, HasSubstr("approved by ann (signed)"));

  const std::string signers =
      papers_.write("allowed_signers", "ann " + read_text(papers_.path() / "ann.pub"));
  const fs::path config = fs::path(user_.home()) / "config/pipe/config.yaml";
  fs::create_directories(config.parent_path());
  papers_.write("config.yaml", "allowed_signers: " + signers + "\n");
  fs::copy_file(papers_.path() / "config.yaml", config);
  EXPECT_THAT(pipe({"show-plan", plan()}).out,
              HasSubstr("approved by ann (signed, an allowed signer)"));

  seal();
  EXPECT_EQ(pipe({"approve", plan(), "--by", "ann", "--key", bobs}).exit_code, 0);
  EXPECT_THAT(pipe({"run", "--plan", plan()}).err, HasSubstr("approval of 'ann' does not count"));
  EXPECT_EQ(pipe({"approve", plan(), "--by", "ann", "--unsigned"}).exit_code, 0);
  EXPECT_THAT(pipe({"run", "--plan", plan()}).err, HasSubstr("it is not signed"));
  EXPECT_EQ(pipe({"approve", plan(), "--by", "ann", "--key", anns}).exit_code, 0);
  json forged = json::parse(read_text(plan()));
  forged["approvals"][0]["at"] = "2020-01-01T00:00:00Z";
  papers_.write("forged.json", forged.dump());
  EXPECT_EQ(pipe({"run", "--plan", (papers_.path() / "forged.json").string()}).exit_code, 2);
  EXPECT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0);
}

TEST_F(SealedPlan, SaysWhatComesFromTheCacheAndWhatItTook) {
  seal_and_approve();
  ASSERT_EQ(pipe({"run", "--plan", plan()}).exit_code, 0);
  const std::string later = (papers_.path() / "later.json").string();
  ASSERT_EQ(pipe({"plan", "release.yaml", "-o", later}).exit_code, 0);
  const json forecast = json::parse(read_text(later))["forecast"];
  EXPECT_TRUE(forecast["nodes"][0]["from_cache"]) << forecast;
  EXPECT_TRUE(forecast["nodes"][1]["from_cache"]) << "its input is what the first one left";
  EXPECT_EQ(forecast["worst_cost_micros"], 0);
  const json same = json::parse(pipe({"diff-plan", plan(), later, "--json"}).out);
  EXPECT_EQ(same, json::parse(R"({"changes":[],"widens":false})"));
}

TEST_F(SealedPlan, ADiffTellsWhetherARunMayDoMore) {
  seal();
  const std::string later = (papers_.path() / "later.json").string();
  replace("release.yaml", "timeout: 5m", "timeout: 4m");
  commit("less");
  ASSERT_EQ(pipe({"plan", "release.yaml", "-o", later}).exit_code, 0);
  const Ended less = pipe({"diff-plan", plan(), later});
  EXPECT_EQ(less.exit_code, 0) << less.out;
  EXPECT_THAT(less.out, HasSubstr("none lets a run do more"));
  const Ended more = pipe({"diff-plan", later, plan()});
  EXPECT_EQ(more.exit_code, 1) << more.out;
  EXPECT_THAT(more.out, HasSubstr("wider  task 'build': timeout: 4m -> 5m"));
}

// A sealed plan in the folder that it is about is no part of what it seals.
TEST_F(SealedPlan, MayLieInAFolderThatIsNoRepository) {
  fs::remove_all(project_.path() / ".git");
  ASSERT_EQ(pipe({"plan", "release.yaml", "-o", "plan.json"}).exit_code, 0);
  ASSERT_EQ(pipe({"approve", "plan.json"}).exit_code, 0);
  const Ended ran = pipe({"run", "--plan", "plan.json"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(fs::exists(project_.path() / "out.txt"));
}

TEST_F(SealedPlan, ARunThatWaitedGoesOnWhereItWasSealedOnly) {
  const TempFolder image;
  image.write("bin/sh", "first");
  write("release.yaml",
        "version: 1\nname: release\nengine: sandbox\ntasks:\n  ask: {approval: 'Go on?'}\n"
        "  build: {needs: [ask], run: 'true', image: {rootfs: " +
            image.path().string() + "}}\n");
  commit("with an image");
  seal_and_approve();
  ASSERT_EQ(pipe({"run", "--plan", plan(), "--name", "waits"}).exit_code, 4);
  image.write("bin/sh", "another");

  const Ended resumed = pipe({"approve", "waits", "ask", "--resume"});

  EXPECT_EQ(resumed.exit_code, 2) << resumed.out;
  EXPECT_THAT(resumed.err, HasSubstr("not as sealed: "));
}

}  // namespace
}  // namespace e2e
