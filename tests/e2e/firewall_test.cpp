// `firewall:` from the file to the wire, with the real binary: hosts that are made up in /etc/hosts
// (in a mount namespace of the test's own, hence as root) and listen on this machine's loopback.

#include <filesystem>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/made_up_hosts.h"

namespace e2e {
namespace {

using testing::HasSubstr;

class FirewallRun : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    NEEDS_ENGINE(GetParam());
    if (geteuid() != 0) {
      GTEST_SKIP() << "only root can make up hosts";
    }
    std::filesystem::copy_file(PIPE_ATTACK, folder_.path() / "attack");
  }

  /// `pipe ARGUMENTS...` where the made-up hosts are known.
  Ended pipe(const std::vector<std::string>& arguments) {
    return run(where_hosts_are_made_up(user_.pipe(arguments, folder_.path().string()), hosts_));
  }
  /// The same as uid 1000.
  Ended as_user(Start start) {
    start.env["XDG_RUNTIME_DIR"] = user_.home();
    return run(where_hosts_are_made_up(std::move(start), hosts_, "1000"));
  }

  /// The first lines of a pipeline by these rules.
  [[nodiscard]] static std::string head(const std::string& firewall) {
    const std::string image = GetParam() == Engine::Sandbox ? "host" : "pipe-test/busybox:1";
    return "version: 1\nname: net\nengine: " + name_of(GetParam()) + "\nimage: " + image +
           "\nfirewall: " + firewall + "\n";
  }
  /// One task that does this.
  void write_pipeline(const std::string& firewall, const std::string& script) {
    folder_.write("p.yaml",
                  head(firewall) + "tasks:\n  a:\n    run: |\n      " + script +
                      "\n    success_criteria: [{'[ ] ok': 'true'}]\n");
  }
  /// Fetches http://HOST:<the server's port>/ in a task. No image of the tests has curl.
  [[nodiscard]] std::string fetch(const std::string& host) const {
    return GetParam() == Engine::Sandbox ? "curl -sS -m 5 http://" + host + ":" + server_.port()
                                         : "./attack get " + host + " " + server_.port();
  }
  [[nodiscard]] std::string allow_good() const {
    return "{allow: ['good.test:" + server_.port() + "'], allow_private: [127.7.7.9]}";
  }

  WebServer server_;
  TempFolder folder_;
  User user_;
  TempFolder hosts_;
};

TEST_P(FirewallRun, ReachesWhatItAllowsAndNothingElse) {
  write_pipeline(
      allow_good(),
      fetch("good.test") + " && ! " + fetch("other.test") + " && ! " + fetch("127.7.7.9"));
  const Ended ended = pipe({"run", "p.yaml", "--name", "one"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 1);
  EXPECT_THAT(ended.err, HasSubstr("refused other.test: no rule allows this host"));
  EXPECT_THAT(ended.err, HasSubstr("firewall: {allow: [\"other.test:443\"]}"));
  const Ended log = pipe({"logs", "one", "a"});
  EXPECT_THAT(log.out, HasSubstr("hello\n"));
  EXPECT_THAT(log.out, HasSubstr("resolve host: other.test"));
}

TEST_P(FirewallRun, KeepsAnAllowedNameOutOfPrivateNetworks) {
  write_pipeline("{allow: ['good.test:" + server_.port() + "']}", "! " + fetch("good.test"));
  const Ended ended = pipe({"run", "p.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 0);
  EXPECT_THAT(ended.err, HasSubstr("the name leads to 127.7.7.9 (loopback)"));
}

TEST_P(FirewallRun, HoldsForChecksAndServicesToo) {
  folder_.write("p.yaml",
                head(allow_good()) + "tasks:\n  a:\n    run: " + fetch("good.test") +
                    "\n    services:\n      app: {run: '" + fetch("good.test") +
                    " && exec sleep 60'}\n"
                    "    success_criteria:\n      - '[ ] there': " +
                    fetch("good.test") + "\n      - '[ ] not there': '! " + fetch("other.test") +
                    "'\n");
  const Ended ended = pipe({"run", "p.yaml"});
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_GE(server_.visitors(), 2);
}

TEST_P(FirewallRun, WorksForAnOrdinaryUser) {
  if (GetParam() == Engine::Docker) {
    GTEST_SKIP() << "nobody but root enters the networks of Docker's containers";
  }
  Start start = user_.pipe({"run", "p.yaml"}, folder_.path().string());
  if (as_user({{"test", "-x", start.argv.front()}, "", {}}).exit_code != 0) {
    GTEST_SKIP() << "uid 1000 cannot reach '" << start.argv.front() << "'";
  }
  write_pipeline(allow_good(), fetch("good.test"));
  for (const std::string& path : {folder_.path().string(), user_.home()}) {
    ASSERT_EQ(run({{"chown", "-R", "1000:1000", path}, "", {}}).exit_code, 0);
  }
  Start podman = start;  // for what it says about where the user is at home
  if (GetParam() == Engine::Podman) {
    const std::string image = folder_.path() / "image.tar";
    ASSERT_EQ(run({{"podman", "save", "-o", image, "pipe-test/busybox:1"}, "", {}}).exit_code, 0);
    ASSERT_EQ(run({{"chmod", "644", image}, "", {}}).exit_code, 0);
    podman.argv = {"podman", "load", "-i", image};
    const Ended loaded = as_user(podman);
    ASSERT_EQ(loaded.exit_code, 0) << loaded.err;
  }
  const Ended ended = as_user(start);
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(server_.visitors(), 1);
  if (GetParam() == Engine::Podman) {
    podman.argv = {"podman", "system", "migrate"};  // ends the process that it leaves behind
    EXPECT_EQ(as_user(podman).exit_code, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         FirewallRun,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& engine) { return name_of(engine.param); });

}  // namespace
}  // namespace e2e
