// The real programs of the agents, in real containers, rehearsed: the first attempt's work is not
// accepted, the second goes on with the same session and is. What differs from the examples is the
// image alone: scripts/test-images makes one with all of them.

#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/e2e/pipe_command.h"

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

  const Ended events = user_.run_pipe({"attach", "once", "--json"}, folder());
  std::vector<json> outcomes;
  std::istringstream lines(events.out);
  for (std::string line; std::getline(lines, line);) {
    const json event = json::parse(line);
    if (event.at("kind") == "attempt_ended") {
      outcomes.push_back(event.at("agent"));
    }
  }
  ASSERT_EQ(outcomes.size(), 2u) << events.out << events.err;
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
