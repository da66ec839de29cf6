// A recording of a run in two parts: the runner was killed in between. A script plays the agent,
// and does what the models say.

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"
#include "tests/e2e/scripted_server.h"

namespace e2e {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kKey = "sk-ant-Va1ue-of-the-real-key-0";

/// "wait" is said to the one that the crash ends.
constexpr const char* kSaid =
    "version: 1\ntasks:\n  all:\n    attempts:\n      - turns:\n"
    "          - text: first\n"
    "          - text: wait\n"
    "          - text: second\n";

constexpr const char* kAgent =
    "name: fake\n"
    "run: |\n"
    "  curl -sS -m 10 -H \"x-api-key: $ANTHROPIC_API_KEY\" \"$ANTHROPIC_BASE_URL/v1/messages\" -d "
    "'{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":100,\"messages\":[]}' > answer\n"
    "  if grep -q wait answer; then sleep 100; fi\n"
    "  grep -o 'first\\|second' answer > said\n"
    "agent:\n"
    "  prompt: work\n"
    "  provider: {dialect: anthropic, host: api.anthropic.com, base_url: ANTHROPIC_BASE_URL}\n";

constexpr const char* kPipeline =
    "version: 1\nname: recorded\nengine: sandbox\nsecrets: [ANTHROPIC_API_KEY]\ntasks:\n"
    "  a: {uses: ./agent.yaml, success_criteria: [{'[ ] a': grep first said}]}\n"
    "  b: {needs: [a], uses: ./agent.yaml, success_criteria: [{'[ ] b': grep second said}]}\n";

TEST(RecordedRun, GoesOnBeingRecordedWhenItIsResumed) {
  NEEDS_ENGINE(Engine::Sandbox);
  const ScriptedServer provider(kSaid, "all");
  const TempFolder config;
  config.write(
      "pipe/config.yaml",
      "model_upstreams: api.anthropic.com=http://127.0.0.1:" + std::to_string(provider.port()));
  const TempFolder folder;
  folder.write("agent.yaml", kAgent);
  folder.write("p.yaml", kPipeline);
  const User user;
  const auto pipe = [&](std::vector<std::string> arguments) {
    Start start = user.pipe(std::move(arguments), folder.path().string());
    start.env["ANTHROPIC_API_KEY"] = kKey;
    start.env["XDG_CONFIG_HOME"] = config.path().string();
    return start;
  };

  Running first(pipe({"run", "p.yaml", "-n", "cut", "--record", "heard.yaml"}));
  const std::string kept = user.state() + "/runs/cut/recorded.jsonl";
  const auto has_heard_both = [&] {
    return provider.answers() == 2 && read_text(kept).find("wait") != std::string::npos;
  };
  ASSERT_TRUE(eventually(has_heard_both)) << first.err_so_far();
  first.signal(SIGKILL);
  first.wait();
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "heard.yaml"));

  const Ended second = run(pipe({"resume", "cut"}));
  ASSERT_EQ(second.exit_code, 0) << second.out << second.err;
  const std::string heard = read_text(folder.path() / "heard.yaml");
  EXPECT_THAT(heard, HasSubstr("text: \"first\""));
  EXPECT_THAT(heard, HasSubstr("text: \"second\""));
  EXPECT_THAT(heard, Not(HasSubstr("wait"))) << "of what was forgotten and done again";

  const Ended again = run(pipe({"rehearse", "p.yaml", "--script", "heard.yaml"}));
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_THAT(again.err, HasSubstr("the script answered 2 requests"));
  EXPECT_THAT(again.err, Not(HasSubstr("warning")));
}

}  // namespace
}  // namespace e2e
