// Every file of examples/pipelines runs as its first lines say, in a copy of the folder, and leaves
// what it promises.

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// A copy of examples/pipelines in a folder that is no repository, and a user of his own.
class Example : public testing::Test {
 protected:
  Example() {
    fs::copy(fs::path(PIPE_SOURCE_DIR) / "examples/pipelines",
             folder_.path(),
             fs::copy_options::recursive);
  }

  Ended run_example(const std::string& file, std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"run", file, "-j", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return user_.run_pipe(arguments, folder());
  }

  [[nodiscard]] std::string folder() const { return folder_.path().string(); }
  [[nodiscard]] std::string left(const std::string& name) const {
    return read_text(folder_.path() / name);
  }

  /// All of them, without the scripts of their rehearsals.
  [[nodiscard]] std::vector<fs::path> pipelines() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_.path())) {
      const fs::path& file = entry.path();
      if (file.extension() == ".yaml" && file.stem().extension() != ".rehearsal") {
        files.push_back(file);
      }
    }
    return files;
  }

  TempFolder folder_;
  User user_;
};

std::string everything(const Ended& ended) {
  return ended.out + ended.err;
}

TEST_F(Example, QuickstartTicksEveryBoxAndLeavesItsReport) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("quickstart.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  for (const char* text : {"[x] The program can be executed",
                           "[x] Nothing outside greeter/ was touched",
                           "[x] It greets the world",
                           "[x] It greets by name",
                           "[x] Both greetings are there together",
                           "[x] Two greetings were counted"}) {
    EXPECT_THAT(ended.out, HasSubstr(text));
  }
  EXPECT_THAT(ended.out, Not(HasSubstr("[ ]")));
  EXPECT_EQ(left("greeter/world.txt"), "Hello, world!\n");
  EXPECT_EQ(left("greeter/you.txt"), "Hello, Ada!\n");
  EXPECT_THAT(left("greeter/report.json"), HasSubstr("\"greetings\": 2"));
}

TEST_F(Example, QuickstartTakesItsInputAsTextAndNeverAsCode) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("quickstart.yaml", {"--input", "greeting=Moin; touch pwned"});
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_EQ(left("greeter/world.txt"), "Moin; touch pwned, world!\n");
  EXPECT_FALSE(fs::exists(folder_.path() / "pwned"));
}

TEST_F(Example, DiamondMergesBothSides) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("diamond-merge.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(left("book/published.txt"), HasSubstr("STORMY NIGHT"));
  EXPECT_THAT(left("book/published.txt"), HasSubstr("HAPPILY EVER AFTER"));
}

TEST_F(Example, WhatMeetsIsVerifiedAgain) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("verified-merge.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out,
              HasSubstr("[x] merge of 'refresh' and 'limits': 2 criteria verified again"));
  EXPECT_THAT(left("gateway/released.txt"), HasSubstr("LIFETIME"));
}

TEST_F(Example, TwoThatBreakTogetherAreNamed) {
  NEEDS_ENGINE(Engine::Sandbox);
  std::string text = left("verified-merge.yaml");
  const std::string careful = "requests in $(lifetime)";
  text.replace(text.find(careful), careful.size(), "requests in $TTL");
  folder_.write("verified-merge.yaml", text);
  const Ended ended = run_example("verified-merge.yaml");
  EXPECT_EQ(ended.exit_code, 1) << everything(ended);
  EXPECT_THAT(ended.out,
              HasSubstr("'Clients are limited as long as a token lives' of 'limits' is met without "
                        "the work of 'refresh', and is not once both are merged"));
  EXPECT_FALSE(fs::exists(folder_.path() / "gateway")) << "a failed run wrote its files back";
}

TEST_F(Example, ATaskMakesOneWorkOfTwo) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("resolved-merge.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_EQ(left("settings.env"), "LIMIT=1000 TTL=3600\n");
  EXPECT_THAT(ended.err + ended.out, HasSubstr("'settings.env' was changed by both"));
}

TEST_F(Example, MatrixAndForEachRunEveryInstance) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("matrix-and-for-each.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_EQ(left("sorted/C-up.txt"), "Apple\nfig\npear\n");
  EXPECT_EQ(left("sorted/C.UTF-8-down.txt"), "pear\nfig\nApple\n");
  EXPECT_EQ(left("shapes/square.txt"), "a square has 4 sides\n");
  EXPECT_EQ(left("shapes/circle.txt"), "a circle has 0 sides\n");
}

TEST_F(Example, ServiceAnswersItsHttpCriteria) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("services-http.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[x] Users cannot read other users' accounts"));
  EXPECT_THAT(ended.out, HasSubstr("403"));
}

TEST_F(Example, ServiceThatLetsEverybodyInIsCaught) {
  NEEDS_ENGINE(Engine::Sandbox);
  std::string text = left("services-http.yaml");
  const std::string honest = "$owner_of{$id} ne $user";
  text.replace(text.find(honest), honest.size(), "0");
  folder_.write("services-http.yaml", text);
  const Ended ended = run_example("services-http.yaml");
  EXPECT_EQ(ended.exit_code, 1) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[ ] Users cannot read other users' accounts"));
  EXPECT_FALSE(fs::exists(folder_.path() / "server.pl")) << "a failed run wrote its files back";
}

TEST_F(Example, TheBranchHasItsConventionalCommitsAndGoesWhereItIsPushed) {
  NEEDS_ENGINE(Engine::Sandbox);
  const TempFolder remote;
  user_.git({"init", "-q", "--bare"}, remote.path().string());
  user_.git({"init", "-q", "-b", "main"}, folder());
  user_.git({"remote", "add", "origin", remote.path().string()}, folder());
  user_.git({"add", "-A"}, folder());
  user_.git({"commit", "-qm", "chore: begin"}, folder());
  const Ended ended = run_example("git-branch.yaml", {"-n", "once"});
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_EQ(user_.git({"log", "--format=%s", "main..pipe/git-branch/once"}, folder()),
            "docs(readme): say where the changes are\ndocs(changelog): begin a changelog");
  EXPECT_EQ(user_.git({"branch", "--list"}, remote.path().string()), "");

  std::string text = left("git-branch.yaml");
  const std::string no_push = "push: false";
  folder_.write("pushing.yaml", text.replace(text.find(no_push), no_push.size(), "push: true"));
  const Ended pushed = run_example("pushing.yaml", {"-n", "again"});
  ASSERT_EQ(pushed.exit_code, 0) << everything(pushed);
  EXPECT_EQ(user_.git({"rev-parse", "pipe/git-branch/again"}, remote.path().string()),
            user_.git({"rev-parse", "pipe/git-branch/again"}, folder()));
}

TEST_F(Example, WhatATaskMayNotDoIsHandedOverToAPerson) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("hand-over.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("denied: openssl genrsa -out server.key 2048"));
  EXPECT_THAT(ended.out, HasSubstr("denied: mkcert *.app.localhost"));
  EXPECT_THAT(ended.out, HasSubstr("denied: hand-over/setup-tls.sh"));
  EXPECT_THAT(ended.out, HasSubstr("| Ask for this command to be run on the machine itself:"));
  EXPECT_EQ(left("tried.txt"),
            "setup-tls.sh ended with 126\nopenssl genrsa ended with 126\nmkcert ended with 126\n");
  const Ended shown = user_.run_pipe({"show", "--json"}, folder());
  EXPECT_THAT(shown.out, HasSubstr(R"("operation":"mkcert *.app.localhost")"));
}

TEST_F(Example, AnAgentThatPipeDoesNotKnowGoesOnWithItsSession) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("own-agent.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("2 attempts   7 turns · done"));
  EXPECT_EQ(left("notes.txt"), "- Agents are data; $(this) is none of their code.\n");
  const Ended shown = user_.run_pipe({"show", "--json"}, folder());
  EXPECT_THAT(shown.out, HasSubstr(R"("session":"s-1")"));
  EXPECT_THAT(shown.out, HasSubstr(R"("claim":"I wrote notes.txt.")"));
}

TEST_F(Example, RetryPassesTheSecondTimeBecauseOfTheFeedback) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("retry-with-feedback.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("2 attempts"));
  EXPECT_EQ(left("NOTES.md"), "# Changes\n\n- Something works now.\n");
}

TEST_F(Example, PhasedPlanIsJudgedByTheApprovedChecks) {
  NEEDS_ENGINE(Engine::Sandbox);
  const Ended ended = run_example("phased-plan.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[x] Rate limiting triggers 429 on abuse"));
  EXPECT_THAT(ended.out, HasSubstr("was red"));
  EXPECT_THAT(left("phased-plan/gateway.sh"), HasSubstr("rate_limit()"));
}

TEST_F(Example, PhasedPlanStopsWhereARequirementIsNotMet) {
  NEEDS_ENGINE(Engine::Sandbox);
  std::string text = left("phased-plan.yaml");
  // The task that also makes its own check trivial now does its work wrong.
  text.replace(text.find("-gt 100"), 7, "-gt 999");
  folder_.write("phased-plan.yaml", text);
  const Ended ended = run_example("phased-plan.yaml");
  EXPECT_EQ(ended.exit_code, 1) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[ ] Rate limiting triggers 429 on abuse"));
  EXPECT_THAT(ended.out, HasSubstr("[x] Token refresh happens automatically before expiration"));
  EXPECT_FALSE(fs::exists(folder_.path() / "phased-plan/gateway.sh"));
}

TEST_F(Example, RealCProgramIsBuiltAndVerifiedInDocker) {
  NEEDS_ENGINE(Engine::Docker);
  // Fetched here, outside every node: nodes have no network.
  const std::string sources = std::string(PIPE_BINARY_DIR) + "/sources/zlib";
  if (!fs::exists(sources)) {
    fs::create_directories(fs::path(sources).parent_path());
    const Ended fetched =
        run({{PIPE_SOURCE_DIR "/tests/e2e/fetch-debian-source", "zlib", sources}, "", {}});
    ASSERT_EQ(fetched.exit_code, 0) << everything(fetched);
  }
  fs::copy(sources, folder_.path() / "zlib", fs::copy_options::recursive);
  const Ended ended = run_example("build-c-program-docker.yaml");
  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[x] Its own test suite passes"));
  EXPECT_THAT(ended.out, HasSubstr("[x] The program gives the same answer again"));
  EXPECT_TRUE(fs::exists(folder_.path() / "zlib/out/libz.a"));
}

// A clone of a repository that has the files as they are here, without build output.
TEST_F(Example, PipeBuildsAndTestsItselfInAClone) {
  NEEDS_ENGINE(Engine::Sandbox);
  TempFolder origin;
  for (const auto& entry : fs::directory_iterator(PIPE_SOURCE_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name != "build" && name != ".git") {
      fs::copy(entry.path(), origin.path() / name, fs::copy_options::recursive);
    }
  }
  user_.git({"init", "-q"}, origin.path().string());
  user_.git({"add", "-A"}, origin.path().string());
  user_.git({"commit", "-q", "-m", "as it is"}, origin.path().string());
  TempFolder home;
  const std::string clone = (home.path() / "clone").string();
  user_.git({"clone", "-q", origin.path().string(), clone}, home.path().string());

  const Ended ended =
      run(user_.pipe({"run", "examples/pipelines/self-build.yaml", "-j", "2", "-n", "self"}, clone),
          std::chrono::minutes(14));

  ASSERT_EQ(ended.exit_code, 0) << everything(ended);
  EXPECT_THAT(ended.out, HasSubstr("[x] Every test program passes"));
  EXPECT_EQ(user_.git({"status", "--porcelain", "--ignored"}, clone), "");
  // What was built is an artifact, no change of the repository.
  EXPECT_THAT(ended.out, HasSubstr("result: nothing changed"));
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, clone), "");
}

// A new example without a test here would be an example that may not work.
TEST_F(Example, NoneIsForgotten) {
  const std::set<std::string> tested = {"agent-claude-code.yaml",  // in agents_test.cpp
                                        "agent-codex.yaml",
                                        "agent-gemini.yaml",
                                        "quickstart.yaml",
                                        "diamond-merge.yaml",
                                        "git-branch.yaml",
                                        "verified-merge.yaml",
                                        "resolved-merge.yaml",
                                        "hand-over.yaml",
                                        "matrix-and-for-each.yaml",
                                        "own-agent.yaml",
                                        "secrets.yaml",  // in secrets_test.cpp
                                        "services-http.yaml",
                                        "udp-and-ranges.yaml",  // in routed_test.cpp
                                        "retry-with-feedback.yaml",
                                        "phased-plan.yaml",
                                        "self-build.yaml",
                                        "build-c-program-docker.yaml"};
  std::set<std::string> present;
  for (const fs::path& pipeline : pipelines()) {
    present.insert(pipeline.filename().string());
  }
  EXPECT_EQ(present, tested);
}

TEST_F(Example, EveryFileIsValidWithoutAWarning) {
  for (const fs::path& pipeline : pipelines()) {
    const Ended ended = user_.run_pipe({"validate", pipeline.filename().string()}, folder());
    EXPECT_EQ(ended.exit_code, 0) << everything(ended);
    EXPECT_THAT(everything(ended), Not(HasSubstr("warning")));
  }
}

}  // namespace
}  // namespace e2e
