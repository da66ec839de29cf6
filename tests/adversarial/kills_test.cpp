// Who keeps a node closed is killed while it is attacked: cases A14 and A15 of list A, and figure
// R8.

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adversarial/attacked.h"

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::Engine;
using e2e::eventually;
using e2e::processes_with;
using e2e::run;
using testing::HasSubstr;

const std::string kGoodPort = std::to_string(Yard::kGoodPort);
constexpr const char* kOfTheNode = "ATTACK_CANARY4=";

class Kills : public Attacked {
 protected:
  [[nodiscard]] static bool is_gone() { return processes_with(kOfTheNode).empty(); }

  /// Containers of a run that are there now; none in a sandbox.
  [[nodiscard]] std::vector<std::string> containers_of(const std::string& name) const {
    std::vector<std::string> all;
    if (GetParam() != Engine::Sandbox) {
      std::istringstream ids(run({{engine(), "ps", "-q", "--filter", "name=" + name}, "", {}}).out);
      for (std::string id; ids >> id;) {
        all.push_back(id);
      }
    }
    return all;
  }
};

// A14: all that leads out is in the runner; with it everything ends.
TEST_P(Kills, TheGatewayInMidTransferAndTheNodeIsCutOff) {
  write_pipeline({{"a",
                   "    run: |\n      ./attack pull good.test " + kGoodPort +
                       " &\n      while true; do ./attack network; done\n"}});
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  const Answerer& good = yard_->good();
  const std::int64_t before = good.sent();
  ASSERT_TRUE(eventually([&] { return good.sent() > before + (4 << 20); }));
  ASSERT_FALSE(is_gone());
  const int cut_before = good.cut();
  ASSERT_FALSE(running.has_ended());
  running.signal(SIGKILL);  // `pipe`, which `unshare` and the shell have become
  running.wait();
  EXPECT_TRUE(eventually([&] { return good.cut() == cut_before + 1; })) << "the transfer goes on";
  // The node dies with it: nothing of it is left that could try anything else.
  EXPECT_TRUE(eventually([&] { return is_gone(); }));
  EXPECT_EQ(yard_->leaks(), "");
  note_blocked("A14 the gateway is killed", GetParam(), "its transfer is cut, the node ends");
}

/// What R8 kills. The gateway is part of the runner, so that there is no relay to be killed alone.
enum class Victim { Runner, BelowRunner, Container, InNode };

const char* name_of(Victim victim) {
  switch (victim) {
    case Victim::Runner:
      return "of the runner";
    case Victim::BelowRunner:
      return "of what it started";
    case Victim::Container:
      return "of containers";
    case Victim::InNode:
      return "in the node";
  }
  return "";
}

// R8: whoever is killed, and whenever, nothing gets out. PIPE_R8_KILLS: how many of them.
TEST_P(Kills, OfAnybodyOpenNothing) {
  const char* const wanted = std::getenv("PIPE_R8_KILLS");
  const int kills = wanted != nullptr ? std::atoi(wanted) : 8;
  std::mt19937 random(static_cast<unsigned>(kills));
  // With a service, so that the network of containers has a holder.
  write_pipeline({{"a",
                   "    services: {app: {run: './attack serve 7777 600000', port: 7777}}\n"
                   "    run: |\n      ./attack hold good.test " +
                       kGoodPort + " &\n      while true; do ./attack network; done\n"}});
  std::map<Victim, int> killed;
  for (int i = 0; i < kills; ++i) {
    const std::string name = "k" + std::to_string(i) + "k";
    const int before = yard_->good().connections();
    e2e::Running running(pipe({"run", "p.yaml", "--name", name, "--no-cache"}));
    ASSERT_TRUE(eventually([&] { return yard_->good().connections() > before; })) << name;
    usleep(static_cast<useconds_t>(random() % 400'000));
    const auto one_of = [&](const auto& all) { return all[random() % all.size()]; };
    const std::vector<pid_t> started = processes_below(running.pid());
    const std::vector<std::string> containers = containers_of(name);
    std::vector<Victim> there = {Victim::Runner, Victim::InNode};
    if (!started.empty()) {
      there.push_back(Victim::BelowRunner);
    }
    if (!containers.empty()) {
      there.push_back(Victim::Container);
    }
    const Victim victim = one_of(there);
    switch (victim) {
      case Victim::Runner:
        running.signal(SIGKILL);
        break;
      case Victim::BelowRunner:  // bubblewrap, process 1, the service of Podman
        kill(one_of(started), SIGKILL);
        break;
      case Victim::Container:
        run({{engine(), "kill", one_of(containers)}, "", {}});
        break;
      case Victim::InNode:
        if (const std::vector<pid_t> inside = processes_with(kOfTheNode); !inside.empty()) {
          kill(one_of(inside), SIGKILL);
        }
        break;
    }
    ++killed[victim];
    usleep(200'000);  // whatever opens now would be used
    running.signal(SIGINT);
    running.signal(SIGINT);
    running.wait();
    EXPECT_TRUE(eventually([] { return is_gone(); })) << "kill " << i << " " << name_of(victim);
    EXPECT_EQ(yard_->leaks(), "") << "kill " << i << " " << name_of(victim);
  }
  std::string how = std::to_string(kills) + " kills:";
  for (const auto& [victim, count] : killed) {
    how += (how.ends_with(':') ? " " : ", ") + std::to_string(count) + " " + name_of(victim);
  }
  note_blocked("R08 random kills during traffic", GetParam(), how);
}

// A15: the container that holds the network of a group is started anew, or killed, by an outsider.
TEST_P(Kills, OfTheHolderGiveTheNodeNothing) {
  if (GetParam() == Engine::Sandbox) {
    GTEST_SKIP() << "nothing holds the network of a sandbox but descriptors";
  }
  write_pipeline({{"a",
                   "    services: {app: {run: './attack serve 7777 20000', port: 7777}}\n"
                   "    run: |\n      ./attack serve 7778 4000\n      ./attack network\n"}});
  const std::string program = engine();
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  std::string holder;
  ASSERT_TRUE(eventually([&] {
    holder = run({{program, "ps", "-q", "--filter", "name=one.*-network"}, "", {}}).out;
    holder = holder.substr(0, holder.find('\n'));
    return !holder.empty() && !is_gone();
  }));
  // Its own end is all that the restart can bring about: it is removed when it ends.
  static_cast<void>(run({{program, "restart", "-t", "0", holder}, "", {}}));
  static_cast<void>(run({{program, "kill", holder}, "", {}}));
  const Ended ended = running.wait();
  const std::string tried = log("a");
  EXPECT_THAT(tried, HasSubstr("all tried")) << "the attacks broke off";
  for (const Line& line : lines_of(tried)) {
    EXPECT_FALSE(line.open) << line.part << ": " << line.how;
  }
  EXPECT_EQ(yard_->leaks(), "") << ended.err;
  note_blocked("A15 the holder is restarted", GetParam(), "nothing got out");
}

INSTANTIATE_FOR_ENGINES(Kills);

}  // namespace
}  // namespace adversarial
