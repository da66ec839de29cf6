// The real programs of the agents, in real containers, rehearsed: the first attempt's work is not
// accepted, the second goes on with the same session and is. What differs from the examples is the
// image alone: scripts/test-images makes one with all of them.

#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"
#include "tests/e2e/scripted_server.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

struct Case {
  const char* name;
  const char* example;
  Engine engine;
};

class RealAgent : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(GetParam().engine);
    std::error_code missing;
    const fs::path root = fs::canonical(PIPE_SOURCE_DIR "/build/test-images/agents", missing);
    if (missing) {
      ASSERT_FALSE(is_required(GetParam().engine))
          << "scripts/test-images --agents makes its image";
      GTEST_SKIP() << "scripts/test-images --agents makes the image of this test";
    }
    const std::string key = root.filename().string().substr(std::string("agents-").size());
    image_ = GetParam().engine == Engine::Docker ? "pipe-test/agents:" + key
                                                 : "{rootfs: " + root.string() + "}";
    for (const char* const end : {".yaml", ".rehearsal.yaml"}) {
      const std::string name = GetParam().example + std::string(end);
      folder_.write(name, with_image(read_text(PIPE_SOURCE_DIR "/examples/pipelines/" + name)));
    }
    user_.git({"init", "-q", "-b", "main"}, folder());
    user_.git({"add", "-A"}, folder());
    user_.git({"commit", "-q", "-m", "as it was"}, folder());
  }

  [[nodiscard]] std::string with_image(std::string text) const {
    const std::size_t at = text.find("image: host");
    return at == std::string::npos ? text : text.replace(at, 11, "image: " + image_);
  }
  [[nodiscard]] std::string folder() const { return folder_.path().string(); }
  [[nodiscard]] Ended rehearse(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments = {
        "rehearse", GetParam().example + std::string(".yaml"), "-n", "once"};
    arguments.insert(arguments.end(), {"--engine", name_of(GetParam().engine)});
    arguments.insert(arguments.end(), more.begin(), more.end());
    return user_.run_pipe(arguments, folder());
  }

  [[nodiscard]] Ended rehearse_again() const {
    return user_.run_pipe({"rehearse",
                           GetParam().example + std::string(".yaml"),
                           "-n",
                           "again",
                           "--engine",
                           name_of(GetParam().engine)},
                          folder());
  }
  /// Once, in the script that the model follows.
  void change_script(const std::string& from, const std::string& to) const {
    const std::string name = GetParam().example + std::string(".rehearsal.yaml");
    std::string text = read_text((folder_.path() / name).string());
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << text;
    folder_.write(name, text.replace(at, from.size(), to));
  }
  /// What the agent said of itself, attempt by attempt.
  [[nodiscard]] std::vector<json> outcomes_of(const std::string& run) const {
    const Ended events = user_.run_pipe({"attach", run, "--json"}, folder());
    std::vector<json> outcomes;
    std::istringstream lines(events.out);
    for (std::string line; std::getline(lines, line);) {
      const json event = json::parse(line);
      if (event.at("kind") == "attempt_ended") {
        outcomes.push_back(event.at("agent"));
      }
    }
    return outcomes;
  }

  std::string image_;
  TempFolder folder_;
  User user_;
};

TEST_P(RealAgent, IsToldWhatWasNotAcceptedAndGoesOnWithItsSession) {
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("[x] It greets the world"));
  EXPECT_THAT(ended.out, HasSubstr("2 attempts"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 5 requests"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));

  // Committed on the run's branch, and nowhere else.
  const std::string branch = std::string("pipe/") + GetParam().example + "/once";
  EXPECT_THAT(user_.git({"show", branch + ":greet.sh"}, folder()), HasSubstr("${1:-world}"));
  EXPECT_EQ(user_.git({"diff", "--name-only", "main", branch}, folder()), "greet.sh");
  EXPECT_FALSE(fs::exists(folder_.path() / "greet.sh"));

  const std::vector<json> outcomes = outcomes_of("once");
  ASSERT_EQ(outcomes.size(), 2u);
  EXPECT_EQ(outcomes[0].at("session"), outcomes[1].at("session"));
  // Gemini's claim has all that it said in that attempt.
  EXPECT_THAT(outcomes[1].at("claim").get<std::string>(),
              EndsWith("Now it greets the world as well."));
}

TEST_P(RealAgent, StopsWhereItsBudgetIsUsedUp) {
  const std::string name = GetParam().example + std::string(".yaml");
  std::string text = read_text((folder_.path() / name).string());
  const std::size_t at = text.find("turns: 50");
  ASSERT_NE(at, std::string::npos);
  folder_.write(name, text.replace(at, 9, "turns: 1"));
  const Ended ended = rehearse();
  EXPECT_EQ(ended.exit_code, 5) << ended.out << ended.err;
  EXPECT_THAT(ended.out + ended.err, HasSubstr("the run's budget of 1 turn"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 1 request"));
}

TEST_P(RealAgent, IsParkedUntilTheRateLimitEndsAndGoesOnWithItsSession) {
  change_script("          - text: greet.sh greets whom you name.\n",
                "          - error: {status: 429, resets_after: 2s}\n"
                "      - turns:\n"
                "          - text: greet.sh greets whom you name.\n");
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("3 attempts   parked 1 time"));
  EXPECT_THAT(ended.err, HasSubstr("parked, goes on in"));
  EXPECT_THAT(ended.err, HasSubstr("the script answered 6 requests"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));
  const std::vector<json> outcomes = outcomes_of("once");
  ASSERT_EQ(outcomes.size(), 3u);
  EXPECT_EQ(outcomes[0].at("reason"), "rate_window");
  EXPECT_GT(outcomes[0].at("resets_at_s").get<std::int64_t>(), 1'700'000'000);
  EXPECT_EQ(outcomes[0].at("session"), outcomes[1].at("session"));
  EXPECT_EQ(outcomes[0].at("session"), outcomes[2].at("session"));
}

TEST_P(RealAgent, IsParkedBeforeItsModelHasSaidAnything) {
  change_script("    attempts:\n",
                "    attempts:\n"
                "      - turns:\n"
                "          - error: {status: 429, resets_after: 1s}\n");
  const Ended ended = rehearse();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("3 attempts   parked 1 time"));
  EXPECT_THAT(ended.err, Not(HasSubstr("warning")));
}

TEST_P(RealAgent, StaysParkedWhereItsRunnerIsKilled) {
  if (GetParam().engine != Engine::Sandbox) {
    GTEST_SKIP() << "what is journaled is the same in every engine";
  }
  change_script("          - text: greet.sh greets whom you name.\n",
                "          - error: {status: 429, resets_after: 15s}\n"
                "      - turns:\n"
                "          - text: greet.sh greets whom you name.\n");
  Running running(user_.pipe({"rehearse",
                              GetParam().example + std::string(".yaml"),
                              "-n",
                              "once",
                              "--engine",
                              name_of(GetParam().engine)},
                             folder()));
  ASSERT_TRUE(eventually(
      [&] {
        const Ended list = user_.run_pipe({"ls"}, folder());
        return list.out.find("  parked ") != std::string::npos || running.has_ended();
      },
      std::chrono::seconds(120)));
  const Ended shown = user_.run_pipe({"show", "once"}, folder());
  EXPECT_THAT(shown.out, HasSubstr("parked 1 time, goes on in"));
  running.signal(SIGKILL);
  running.wait();
  const json left = json::parse(user_.run_pipe({"show", "once", "--json"}, folder()).out);
  EXPECT_GT(left.at("nodes").at(0).at("goes_on_at_ms").get<std::int64_t>(), 0) << left;
  EXPECT_EQ(left.at("nodes").at(0).at("spent").at("turns"), 1) << left;
  const Ended ended = user_.run_pipe({"resume", "once"}, folder());
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(outcomes_of("once").size(), 3u) << "nothing was done twice";
}

TEST_P(RealAgent, IsToldWhatWhoeverStartsTheRunSaysToo) {
  change_script("          - text: I write the script.\n",
                "          - expects: Never use bashisms.\n"
                "            text: I write the script.\n");
  folder_.write("more.md", "Never use bashisms.\n");
  const Ended ended = rehearse({"--instructions", "@more.md"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  const Ended without = rehearse_again();
  EXPECT_NE(without.exit_code, 0) << "the script wants to hear it";
}

TEST_P(RealAgent, ARecordedRunIsARehearsal) {
  if (GetParam().engine != Engine::Sandbox) {
    GTEST_SKIP() << "the gateway listens, which is the same in every engine";
  }
  constexpr const char* kKey = "sk-Va1ue-of-the-real-key-0";
  const std::string example = GetParam().example;
  // The model says the key, as one does that has been shown it.
  change_script("I write the script.", std::string("I write the script; I saw ") + kKey + ".");
  const ScriptedServer provider(
      read_text((folder_.path() / (example + ".rehearsal.yaml")).string()), "greet");
  TempFolder config;
  std::string upstreams = "model_upstreams:\n";
  for (const char* const host :
       {"api.anthropic.com", "api.openai.com", "generativelanguage.googleapis.com"}) {
    upstreams +=
        std::string("  - ") + host + "=http://127.0.0.1:" + std::to_string(provider.port()) + "\n";
  }
  config.write("pipe/config.yaml", upstreams);
  const std::vector<std::string> arguments = {
      "run", example + ".yaml", "-n", "real", "--engine", "sandbox", "--record", "heard.yaml"};
  Start start = user_.pipe(arguments, folder());
  for (const char* const key : {"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"}) {
    start.env[key] = kKey;
  }
  start.env["XDG_CONFIG_HOME"] = config.path().string();
  const Ended recorded = run(start);
  ASSERT_EQ(recorded.exit_code, 0) << recorded.out << recorded.err;
  EXPECT_EQ(provider.answers(), 5);

  const std::string heard = read_text((folder_.path() / "heard.yaml").string());
  EXPECT_THAT(heard, HasSubstr("I saw ***."));
  EXPECT_THAT(heard, Not(HasSubstr(kKey)));
  EXPECT_THAT(heard, Not(HasSubstr("pipe-token-")));
  const Ended again = rehearse({"--script", "heard.yaml"});
  ASSERT_EQ(again.exit_code, 0) << again.out << again.err << heard;
  EXPECT_THAT(again.out, HasSubstr("2 attempts"));
  EXPECT_THAT(again.err, HasSubstr("the script answered 5 requests"));
  EXPECT_THAT(again.err, Not(HasSubstr("warning")));
  EXPECT_EQ(user_.git({"diff", "pipe/" + example + "/real", "pipe/" + example + "/once"}, folder()),
            "");

  const Ended taken = run(user_.pipe(arguments, folder()));
  EXPECT_EQ(taken.exit_code, 2) << "it writes over nothing";
  EXPECT_THAT(taken.err, HasSubstr("heard.yaml' is there already"));
}

INSTANTIATE_TEST_SUITE_P(
    OfEachProvider,
    RealAgent,
    testing::Values(Case{"ClaudeCodeInSandbox", "agent-claude-code", Engine::Sandbox},
                    Case{"ClaudeCodeInDocker", "agent-claude-code", Engine::Docker},
                    Case{"CodexInSandbox", "agent-codex", Engine::Sandbox},
                    Case{"CodexInDocker", "agent-codex", Engine::Docker},
                    Case{"GeminiInSandbox", "agent-gemini", Engine::Sandbox},
                    Case{"GeminiInDocker", "agent-gemini", Engine::Docker}),
    [](const testing::TestParamInfo<Case>& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace e2e
