// `secrets:` with the real binary: what a node, the run store and the console have of a value.

#include <filesystem>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/made_up_hosts.h"
#include "tests/net/tls_server.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kValue = "sk-Va1ue+of/the~secret=0";
constexpr const char* kInBase64 = "c2stVmExdWUrb2YvdGhlfnNlY3JldD0w";

class SecretsRun : public testing::Test {
 protected:
  void SetUp() override { NEEDS_ENGINE(Engine::Sandbox); }

  [[nodiscard]] std::string folder() const { return folder_.path().string(); }

  void write_pipeline(const std::string& text) {
    folder_.write("p.yaml", "version: 1\nname: secrets\nengine: sandbox\n" + text);
  }

  /// Files below the folder that hold the text.
  static std::string files_with(const fs::path& folder, const std::string& text) {
    const Ended ended = run({{"grep", "-rlF", "-e", text, folder.string()}, "", {}});
    EXPECT_LE(ended.exit_code, 1) << ended.err;
    return ended.out;
  }

  void expect_nowhere(const Ended& ended) {
    for (const char* const text : {kValue, kInBase64}) {
      EXPECT_THAT(ended.out, Not(HasSubstr(text)));
      EXPECT_THAT(ended.err, Not(HasSubstr(text)));
      EXPECT_THAT(files_with(user_.state(), text), IsEmpty());
    }
  }

  TempFolder folder_;
  User user_;
};

class SentSecret : public SecretsRun {
 protected:
  void SetUp() override {
    SecretsRun::SetUp();
    if (geteuid() != 0) {
      GTEST_SKIP() << "only root can make up hosts";
    }
    keys_.write("keys.env", std::string("TOKEN='") + kValue + "'\n");
  }
  Start start(std::vector<std::string> arguments) {
    return where_hosts_are_made_up(user_.pipe(std::move(arguments), folder()), hosts_);
  }
  [[nodiscard]] std::string keys() const { return (keys_.path() / "keys.env").string(); }

  WebServer server_;
  TempFolder hosts_;
  TempFolder keys_;
};

// All that a node can see of itself is brought out as files, which nobody masks.
TEST_F(SentSecret, IsNowhereInTheNode) {
  const std::string url = "http://good.test:" + server_.port() + "/";
  write_pipeline(
      "firewall: {allow: ['good.test:" + server_.port() +
      "'], allow_private: [127.7.7.9]}\n"
      "secrets: {TOKEN: {hosts: ['http://good.test:" +
      server_.port() +
      "']}}\n"
      "tasks:\n  a:\n    run: |\n"
      "      curl -fsS -m 5 -H \"X-Key: $TOKEN\" " +
      url + "\n      curl -fsS -m 5 -u \"me:$TOKEN\" " + url +
      "\n      mkdir seen\n"
      "      env > seen/env\n"
      "      cat /proc/*/environ /proc/*/cmdline > seen/processes 2> /dev/null || true\n"
      "      tar -cf seen/files /pipe /tmp /dev/shm /etc 2> /dev/null || true\n"
      "      cat /proc/self/mountinfo > seen/mounts\n"
      "      while ! test -e /pipe/home/go-on && ! test \"$WAITED\" = xxxxx; do sleep 1; "
      "WAITED=\"x$WAITED\"; done\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  Running running(start({"run", "p.yaml", "--env-file", keys()}));
  ASSERT_TRUE(eventually([&] { return server_.visitors() == 2; }));
  EXPECT_THAT(processes_with(kValue), IsEmpty());  // not in the runner's either
  const Ended ended = running.wait();
  ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(server_.seen(), HasSubstr(std::string("X-Key: ") + kValue + "\r\n"));
  EXPECT_THAT(server_.seen(), HasSubstr("Authorization: Basic bWU6c2stVmExdWUr"));
  EXPECT_THAT(read_text(folder_.path() / "seen/env"), HasSubstr("TOKEN=pipe-token-"));
  EXPECT_THAT(read_text(folder_.path() / "seen/processes"), HasSubstr("pipe-token-"));
  for (const char* const text : {kValue, kInBase64, "Va1ue+of"}) {
    EXPECT_THAT(files_with(folder_.path(), text), IsEmpty());
  }
  expect_nowhere(ended);
}

TEST_F(SentSecret, GoesByTlsToAHostThatTheNodeAsksInClear) {
  net_test::believe_test_authority();
  const net_test::TlsServer server("tls.test");
  const std::string port = std::to_string(server.port);
  write_pipeline("firewall: {allow: ['tls.test:" + port +
                 "'], allow_private: [127.7.7.7]}\n"
                 "secrets: {TOKEN: {hosts: ['tls.test:" +
                 port +
                 "'], header: 'Authorization: Bearer ${value}'}}\n"
                 "tasks:\n  a:\n    run: test \"$(curl -fsS -m 5 http://tls.test:" +
                 port +
                 "/)\" = ok\n"
                 "    success_criteria: [{'[ ] ok': 'true'}]\n");
  const Ended ended = run(start({"run", "p.yaml", "--env-file", keys()}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(server.seen(), HasSubstr(std::string("Authorization: Bearer ") + kValue + "\r\n"));
  expect_nowhere(ended);
}

TEST_F(SentSecret, StaysATokenForEveryOtherHost) {
  write_pipeline(
      "firewall: {allow: ['*.test:" + server_.port() +
      "'], allow_private: [127.7.7.9]}\n"
      "secrets: {TOKEN: {hosts: ['http://other.test:1']}}\n"
      "tasks:\n  a:\n    run: |\n      curl -fsS -m 5 -H \"X-Key: $TOKEN\" http://good.test:" +
      server_.port() + "/\n    success_criteria: [{'[ ] ok': 'true'}]\n");
  const Ended ended = run(start({"run", "p.yaml", "--env-file", keys()}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(server_.seen(), HasSubstr("X-Key: pipe-token-"));
  EXPECT_THAT(server_.seen(), Not(HasSubstr(kValue)));
}

TEST_F(SentSecret, RunsTheExample) {
  const WebServer artifacts(8089);
  std::string text = read_text(fs::path(PIPE_SOURCE_DIR) / "examples/pipelines/secrets.yaml");
  const std::string internal = "allow_private: [artifacts.internal";
  text.insert(text.find(internal) + internal.size(), ", 127.7.7.9:8089");  // this very machine
  folder_.write("secrets.yaml", text);
  Start example = start({"run", "secrets.yaml"});
  example.env["ARTIFACTS_TOKEN"] = kValue;
  example.env["SIGNING_KEY"] = "the-signing-key-of-ada";
  const Ended ended = run(example);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_THAT(artifacts.seen(), HasSubstr(std::string("Authorization: Bearer ") + kValue));
  EXPECT_EQ(read_text(folder_.path() / "release.txt"), "hello\n");
  EXPECT_THAT(read_text(folder_.path() / "what-the-task-had.txt"),
              testing::StartsWith("pipe-token-"));
  EXPECT_THAT(files_with(user_.state(), "the-signing-key"), IsEmpty());
  expect_nowhere(ended);
}

// ---- exposed -----------------------------------------------------------------------------------

class ExposedSecret : public SecretsRun, public testing::WithParamInterface<Engine> {
 protected:
  void SetUp() override { NEEDS_ENGINE(GetParam()); }
};

TEST_P(ExposedSecret, IsSeenByTheTaskAndInNoRecord) {
  const bool is_container = GetParam() == Engine::Docker || GetParam() == Engine::Podman;
  const std::string image = is_container ? "pipe-test/busybox:1" : "host";
  folder_.write(".env", std::string("SEEN='") + kValue + "'\nFILED='" + kValue + "'\n");
  write_pipeline("image: " + image +
                 "\nenv_file: .env\n"
                 "secrets:\n  SEEN: {expose: true}\n  FILED: {expose: file}\n"
                 "tasks:\n  a:\n    retry: {attempts: 2, feedback: criteria}\n    run: |\n"
                 "      test \"$SEEN\" = \"$(cat \"$FILED\")\"\n"
                 "      ! test -e .env\n"
                 "      echo \"plain $SEEN\"\n"
                 "      printf '%s' \"$SEEN\" | base64\n"
                 "      printf '{\"key\":\"%s\"}\\n' \"$SEEN\"\n"
                 "      printf '%s' \"$SEEN\" | sed 's/+/%2B/g; s/\\//%2F/g; s/=/%3D/g'; echo\n"
                 "      for c in $(echo \"$SEEN\" | sed 's/./& /g'); do printf %s \"$c\"; done\n"
                 "      printf '%s' \"$SEEN\" > \"$PIPE_OUTPUTS/told\"\n"
                 "      echo ok > fine.txt\n"
                 "    outputs: {told: {}}\n"
                 "    success_criteria:\n"
                 "      - '[ ] shows it': 'echo \"check says $SEEN\"; exit 3'\n"
                 "      - '[ ] looks at it': {file: {path: fine.txt, contains: 'nothing'}}\n");
  const Ended ended = user_.run_pipe({"run", "p.yaml", "--engine", name_of(GetParam())}, folder());
  EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("check says ***"));
  expect_nowhere(ended);
  const Ended log = user_.run_pipe({"logs"}, folder());
  EXPECT_THAT(log.out, HasSubstr("| plain ***\n"));
  for (const auto& arguments : {std::vector<std::string>{"logs"},
                                {"show"},
                                {"show", "--json"},
                                {"ls", "--json"},
                                {"plan", "p.yaml"},
                                {"plan", "p.yaml", "--json"}}) {
    expect_nowhere(user_.run_pipe(arguments, folder()));
  }
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         ExposedSecret,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& one) { return name_of(one.param); });

TEST_F(SecretsRun, InAFileOfTheResultIsFlaggedBeforeItIsDelivered) {
  folder_.write(".env", std::string("SEEN='") + kValue + "'\n");
  const std::string body =
      "env_file: .env\nsecrets: {SEEN: {expose: true}}\n"
      "tasks: {a: {run: 'echo \"token=$SEEN\" > config'}}\n";
  write_pipeline(body);
  const Ended told = user_.run_pipe({"run", "p.yaml"}, folder());
  EXPECT_EQ(told.exit_code, 0) << told.err;
  EXPECT_THAT(told.out, HasSubstr("flagged: config: it holds the value of a secret"));
  fs::remove(folder_.path() / "config");

  write_pipeline(body + "workspace: {flagged: refuse}\n");
  const Ended refused = user_.run_pipe({"run", "p.yaml"}, folder());
  EXPECT_EQ(refused.exit_code, 1) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr("config: it holds the value of a secret"));
  EXPECT_FALSE(fs::exists(folder_.path() / "config"));
}

// ---- sources -----------------------------------------------------------------------------------

TEST_F(SecretsRun, IsRefusedBeforeAnythingStartsWhereASecretIsMissing) {
  write_pipeline(
      "env_file: .env\nsecrets: {SEEN: {expose: true}, OTHER: {command: [sh, -c, 'exit "
      "7'], expose: true}}\n"
      "tasks:\n  a:\n    run: touch started\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  folder_.write(".env", "ELSE=x\n");
  const Ended ended = user_.run_pipe({"run", "p.yaml"}, folder());
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(ended.err, HasSubstr("the secret 'SEEN' is missing; looked in the environment, '"));
  EXPECT_THAT(ended.err, HasSubstr("help: export SEEN=…"));
  EXPECT_THAT(ended.err, HasSubstr("the command of the secret 'OTHER': exit 7"));
  EXPECT_FALSE(fs::exists(folder_.path() / "started"));
}

TEST_F(SecretsRun, IsRefusedWhereGitTracksItsFile) {
  write_pipeline(
      "env_file: keys/.env\nsecrets: {SEEN: {expose: true}}\n"
      "tasks:\n  a:\n    run: '! test -e keys/.env'\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  folder_.write("keys/.env", "SEEN=value-in-the-repository\n");
  user_.git({"init", "-q"}, folder());
  user_.git({"add", "."}, folder());
  user_.git({"commit", "-qm", "first"}, folder());
  const Ended ended = user_.run_pipe({"run", "p.yaml"}, folder());
  EXPECT_EQ(ended.exit_code, 3) << ended.out;
  EXPECT_THAT(ended.err, HasSubstr("'keys/.env' has values of secrets and is part of"));
  user_.git({"rm", "-q", "--cached", "keys/.env"}, folder());
  user_.git({"commit", "-qm", "second"}, folder());
  EXPECT_EQ(user_.run_pipe({"run", "p.yaml"}, folder()).exit_code, 0);
  EXPECT_EQ(user_.run_pipe({"run", "p.yaml", "--dirty"}, folder()).exit_code, 0);
}

TEST_F(SecretsRun, ComesFromACommandAndAFileAndIsLookedForAgainOnResume) {
  write_pipeline(
      "secrets:\n"
      "  CMD: {command: [sh, -c, 'cat cmd-value.txt'], expose: true}\n"
      "  FROM_FILE: {file: key.txt, expose: true}\n"
      "  NAMED: {expose: true}\n"
      "tasks:\n"
      "  ask: {approval: 'Go on?'}\n"
      "  a:\n    needs: [ask]\n"
      "    run: test \"$CMD$FROM_FILE$NAMED\" = cmd-valuefile-valuenamed-value && ! test "
      "-e key.txt\n"
      "    success_criteria: [{'[ ] ok': 'true'}]\n");
  folder_.write("cmd-value.txt", "cmd-value\n");
  folder_.write("key.txt", "file-value\n");
  const std::string keys = folder_.write("keys.env", "NAMED=named-value\n");
  EXPECT_EQ(user_.run_pipe({"run", "p.yaml", "--env-file", "keys.env"}, folder()).exit_code, 4);
  EXPECT_EQ(user_.run_pipe({"approve", "latest", "ask"}, folder()).exit_code, 0);
  EXPECT_EQ(user_.run_pipe({"resume"}, folder()).exit_code, 3);
  const Ended ended = user_.run_pipe({"resume", "--env-file", keys}, "/");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_TRUE(fs::exists(folder_.path() / "keys.env"));  // left alone, though no task had it
  EXPECT_TRUE(fs::exists(folder_.path() / "key.txt"));
}

}  // namespace
}  // namespace e2e
