#include "tests/e2e/real_agent.h"

#include <filesystem>
#include <sstream>

#include <nlohmann/json.hpp>

namespace e2e {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr const char* kBash = "{name: Bash, input: {command: $}}";
constexpr const char* kExec = "{name: exec_command, input: {cmd: $, yield_time_ms: 30000}}";
constexpr const char* kShell = "{name: run_shell_command, input: {command: $}}";

const AgentCase kInSandbox[] = {
    {"ClaudeCodeInSandbox", "agent-claude-code", "claude-code", kBash, Engine::Sandbox},
    {"CodexInSandbox", "agent-codex", "codex", kExec, Engine::Sandbox},
    {"GeminiInSandbox", "agent-gemini", "gemini", kShell, Engine::Sandbox}};
const AgentCase kInDocker[] = {
    {"ClaudeCodeInDocker", "agent-claude-code", "claude-code", kBash, Engine::Docker},
    {"CodexInDocker", "agent-codex", "codex", kExec, Engine::Docker},
    {"GeminiInDocker", "agent-gemini", "gemini", kShell, Engine::Docker}};

std::string name_of_case(const testing::TestParamInfo<AgentCase>& one) {
  return one.param.name;
}

}  // namespace

void RealAgent::SetUp() {
  NEEDS_ENGINE(GetParam().engine);
  std::error_code missing;
  const fs::path root = fs::canonical(PIPE_SOURCE_DIR "/build/test-images/agents", missing);
  if (missing) {
    ASSERT_FALSE(is_required(GetParam().engine)) << "scripts/test-images --agents makes its image";
    GTEST_SKIP() << "scripts/test-images --agents makes the image of this test";
  }
  const std::string key = root.filename().string().substr(std::string("agents-").size());
  const std::string image = GetParam().engine == Engine::Docker ? "pipe-test/agents:" + key
                                                                : "{rootfs: " + root.string() + "}";
  for (const std::string& name : {pipeline(), script()}) {
    folder_.write(name, read_text(PIPE_SOURCE_DIR "/examples/pipelines/" + name));
  }
  change(pipeline(), "image: host", "image: " + image);
  user_.git({"init", "-q", "-b", "main"}, folder());
  user_.git({"add", "-A"}, folder());
  user_.git({"commit", "-q", "-m", "as it was"}, folder());
}

Start RealAgent::rehearsal(const std::string& name, std::vector<std::string> more) const {
  std::vector<std::string> arguments = {
      "rehearse", pipeline(), "-n", name, "--engine", name_of(GetParam().engine)};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return user_.pipe(std::move(arguments), folder());
}

void RealAgent::change(const std::string& file,
                       const std::string& from,
                       const std::string& to) const {
  std::string text = read_text(folder_.path() / file);
  const std::size_t at = text.find(from);
  ASSERT_NE(at, std::string::npos) << text;
  folder_.write(file, text.replace(at, from.size(), to));
}

std::string RealAgent::call_of(const std::string& command) const {
  std::string call = GetParam().shell;
  return call.replace(call.find('$'), 1, json(command).dump());
}

std::vector<json> RealAgent::outcomes_of(const std::string& run) const {
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

INSTANTIATE_TEST_SUITE_P(Each, RealAgent, testing::ValuesIn(kInSandbox), name_of_case);
INSTANTIATE_TEST_SUITE_P(EachToo, RealAgent, testing::ValuesIn(kInDocker), name_of_case);
INSTANTIATE_TEST_SUITE_P(Each, RealAgentInSandbox, testing::ValuesIn(kInSandbox), name_of_case);
INSTANTIATE_TEST_SUITE_P(One, AnyRealAgent, testing::Values(kInSandbox[1]), name_of_case);

}  // namespace e2e
