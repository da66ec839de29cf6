// What befalls the runner and those that it depends on: cases A48, A50 and A51 of list A.

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

namespace fs = std::filesystem;
using e2e::Ended;
using e2e::Engine;
using e2e::eventually;
using e2e::processes_with;
using e2e::read_text;
using e2e::run;
using testing::AnyOf;
using testing::HasSubstr;

constexpr const char* kMet = "    success_criteria: [{'[ ] ok': 'true'}]\n";

class Crash : public Attacked {
 protected:
  /// Eight bytes of a file that the preloaded library maps.
  void set(const std::string& file, std::int64_t value) const {
    std::ofstream(around_.path() / file, std::ios::binary)
        .write(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  [[nodiscard]] std::int64_t get(const std::string& file) const {
    std::int64_t value = 0;
    std::ifstream(around_.path() / file, std::ios::binary)
        .read(reinterpret_cast<char*>(&value), sizeof(value));
    return value;
  }
  [[nodiscard]] std::string text_of(const std::string& file) const {
    return fs::exists(folder_.path() / file) ? read_text(folder_.path() / file) : "";
  }
  /// `pipe` with the library in it.
  void preload(const std::string& variable, const std::string& value) {
    user_.env["LD_PRELOAD"] = PIPE_FATE;
    user_.env[variable] = value;
  }
  void unload() {
    for (const char* const variable : {"LD_PRELOAD", "FATE_DIE_AT", "FATE_COUNT", "FATE_CLOCK"}) {
      user_.env.erase(variable);
    }
  }
};

// A48: killed before or after a commit, a word to an engine or the start of a process, a run goes
// on as if nothing had been. PIPE_A48_MOMENTS: how many of them, spread over the run.
TEST_P(Crash, IsKilledAtAnyMomentAndGoesOn) {
  const char* const wanted = std::getenv("PIPE_A48_MOMENTS");
  const std::int64_t moments = wanted != nullptr ? std::atoi(wanted) : 8;
  write_plain(
      "env: {MARK: killed-at-a-moment-4471}\ntasks:\n"
      "  a:\n    run: echo a >> a\n    success_criteria: [{'[ ] ok': 'test -e a'}]\n"
      "  b:\n    needs: [a]\n    run: cat a > b; echo b >> b\n"
      "    success_criteria: [{'[ ] ok': 'test -e b'}]\n"
      "  c:\n    needs: [b]\n    run: cat b > c; echo c >> c\n" +
      std::string(kMet));
  const auto expect_delivered = [&](const std::string& what) {
    EXPECT_EQ(text_of("a"), "a\n") << what;
    EXPECT_EQ(text_of("b"), "a\nb\n") << what;
    EXPECT_EQ(text_of("c"), "a\nb\nc\n") << what;
    for (const char* const file : {"a", "b", "c"}) {
      fs::remove(folder_.path() / file);
    }
  };
  preload("FATE_COUNT", (around_.path() / "count").string());
  const Ended whole = run(pipe({"run", "p.yaml", "--name", "whole", "--no-cache"}));
  ASSERT_EQ(whole.exit_code, 0) << whole.out << whole.err;
  expect_delivered("undisturbed");
  const std::int64_t all = get("count");
  ASSERT_GT(all, 20) << "what is preloaded sees nothing";

  int killed = 0;
  for (std::int64_t i = 0; i < moments; ++i) {
    const std::int64_t moment = 1 + i * (all - 1) / std::max<std::int64_t>(moments - 1, 1);
    const std::string name = "k" + std::to_string(moment);
    preload("FATE_DIE_AT", std::to_string(moment));
    const Ended dead = run(pipe({"run", "p.yaml", "--name", name, "--no-cache"}));
    unload();
    killed += dead.exit_code == 128 + SIGKILL ? 1 : 0;
    Ended after = run(pipe({"resume", name}));
    if (after.exit_code == 2 && after.err.find("there is no run") != std::string::npos) {
      after = run(pipe({"run", "p.yaml", "--name", name, "--no-cache"}));  // nothing had begun
    }
    const bool was_over = after.err.find("has finished already") != std::string::npos;
    EXPECT_TRUE(was_over || after.exit_code == 0)
        << "moment " << moment << dead.err << after.out << after.err;
    const auto shown =
        nlohmann::json::parse(run(pipe({"show", name, "--json"})).out, nullptr, false);
    ASSERT_FALSE(shown.is_discarded()) << "moment " << moment;
    EXPECT_EQ(shown["nodes"].size(), 4U);  // with the gate of its phase
    for (const auto& node : shown["nodes"]) {
      EXPECT_EQ(node["outcome"], "passed") << "moment " << moment << node["node"];
    }
    expect_delivered("moment " + std::to_string(moment));
    EXPECT_TRUE(eventually([] { return processes_with("MARK=killed-at-a-moment-4471").empty(); }));
  }
  EXPECT_GT(killed, moments / 2) << "of " << all << " moments";
  note_blocked("A48 killed at a moment",
               GetParam(),
               std::to_string(killed) + " kills: nothing lost, nothing twice");
}

// A51: what has a time limit keeps to it, whatever the wall clock says meanwhile.
TEST_P(Crash, AClockThatJumpsMovesNoDeadline) {
  write_plain(
      "env: {MARK: clock-6620}\ntasks:\n  a:\n    timeout: 4s\n"
      "    run: sleep 2; echo still here; sleep 300\n" +
      std::string(kMet));
  for (const std::int64_t jump : {3'600, -3'600}) {
    set("clock", 0);
    preload("FATE_CLOCK", (around_.path() / "clock").string());
    const std::string name = jump > 0 ? "ahead" : "behind";
    e2e::Running running(pipe({"run", "p.yaml", "--name", name}));
    ASSERT_TRUE(eventually([] { return !processes_with("MARK=clock-6620").empty(); }));
    set("clock", jump);
    const Ended ended = running.wait(std::chrono::seconds(120));
    unload();
    EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("timed out: its limit is 4s"));
    EXPECT_EQ(run(pipe({"logs", name, "a"})).out, "still here\n") << "not before its time";
  }
  note_blocked("A51 a clock that jumps by an hour", GetParam(), "the limit is the same");
}

INSTANTIATE_FOR_ENGINES(Crash);

/// A Docker daemon that nobody else uses, in namespaces of its own.
class PrivateDaemon {
 public:
  explicit PrivateDaemon(std::string folder) : folder_(std::move(folder)) { start(); }
  PrivateDaemon(const PrivateDaemon&) = delete;
  PrivateDaemon& operator=(const PrivateDaemon&) = delete;
  ~PrivateDaemon() {
    daemon_->signal(SIGTERM);
    static_cast<void>(daemon_->wait(std::chrono::seconds(60)));
  }

  void start() {
    daemon_ = std::make_unique<e2e::Running>(e2e::Start{
        {"unshare",
         "--mount",
         "--net",
         "sh",
         "-c",
         "mount --make-rprivate / && ip link set lo up && exec dockerd -H unix://$0/s --data-root "
         "$0/data --exec-root $0/exec --pidfile $0/pid --bridge none --iptables=false",
         folder_},
        folder_,
        {}});
  }
  void kill() {
    daemon_->signal(SIGKILL);
    daemon_->wait();
    // Its containerd dies with it, and counts as running until somebody has reaped it.
    fs::remove(fs::path(folder_) / "exec/containerd/containerd.pid");
  }
  [[nodiscard]] std::string host() const { return "unix://" + folder_ + "/s"; }
  [[nodiscard]] bool answers() const {
    return run({{"docker", "-H", host(), "version"}, "", {}}).exit_code == 0;
  }
  [[nodiscard]] std::string said() const { return daemon_->err_so_far(); }

 private:
  const std::string folder_;
  std::unique_ptr<e2e::Running> daemon_;
};

class Daemon : public Crash {};

// A50: when a daemon dies, no node is to blame; what it ran reaches nothing, and the run goes on.
TEST_P(Daemon, ThatDiesIsNoFailureAndOpensNothing) {
  const e2e::TempFolder home;
  PrivateDaemon daemon(home.path().string());
  ASSERT_TRUE(eventually([&] { return daemon.answers(); })) << daemon.said();
  ASSERT_EQ(on_the_machine("docker save " + image() + " | docker -H " + daemon.host() + " load")
                .exit_code,
            0);
  user_.env["DOCKER_HOST"] = daemon.host();
  const std::string flags = around_.write("flags/none", "");
  write_pipeline({{"a",
                   "    mounts: [{source: " + fs::path(flags).parent_path().string() +
                       ", target: /flags}]\n    retry: {attempts: 1}\n"
                       "    run: |\n      test ! -e /flags/go || exit 0\n"
                       "      while true; do ./attack network > /dev/null; done\n"}});
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  ASSERT_TRUE(eventually([] { return !processes_with("ATTACK_CANARY4=").empty(); }));
  usleep(300'000);  // it attacks
  daemon.kill();
  const Ended ended = running.wait(std::chrono::seconds(60));
  EXPECT_EQ(ended.exit_code, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.out,
              AnyOf(HasSubstr("the container engine went away"),
                    HasSubstr("killed from outside, or its engine was restarted")));
  EXPECT_EQ(yard_->leaks(), "") << "what it ran goes on, and reaches nothing";
  daemon.start();
  ASSERT_TRUE(eventually([&] { return daemon.answers(); })) << daemon.said();
  EXPECT_TRUE(eventually([] { return processes_with("ATTACK_CANARY4=").empty(); }))
      << "the daemon ends what it finds";
  around_.write("flags/go", "");
  const Ended again = run(pipe({"resume", "one"}));
  EXPECT_EQ(again.exit_code, 0) << again.out << again.err;
  EXPECT_EQ(run({{"docker", "-H", daemon.host(), "ps", "-aq"}, "", {}}).out, "");
  EXPECT_EQ(yard_->leaks(), "");
  note_blocked("A50 the daemon is killed", GetParam(), "the world's fault; resumed, nothing opens");
}

INSTANTIATE_TEST_SUITE_P(Engines, Daemon, testing::Values(Engine::Docker), [](const auto& each) {
  return e2e::name_of(each.param);
});

}  // namespace
}  // namespace adversarial
