// Every attack on the network from inside real nodes of each engine (list A of the threat model),
// against hosts that are made up on this machine. The same attacks, run on the machine itself, must
// get through: an attack that cannot succeed proves nothing. Ends with a table of case by engine.

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
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
using e2e::run;
using e2e::Start;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

class Network : public Attacked {
 protected:
  /// Every attack of the log was tried and blocked.
  void expect_all_blocked(const std::string& task, const std::string& column) const {
    const std::string text = log(task);
    const std::vector<Line> lines = lines_of(text);
    EXPECT_THAT(text, HasSubstr("all tried")) << "the attacks broke off";
    EXPECT_GE(lines.size(), 45U);
    for (const Line& line : lines) {
      EXPECT_FALSE(line.open) << column << ": " << line.part << ": " << line.how;
      EXPECT_THAT(line.how, Not(HasSubstr("not tried"))) << line.part;
      note({line.part, column, (line.open ? "OPEN: " : "blocked: ") + line.how});
    }
  }
};

// A01 to A08, A10 to A13, A19. The host engine is no engine of this suite: it isolates nothing.
TEST_P(Network, ReachesNothingFromInside) {
  std::vector<std::pair<std::string, std::string>> tasks = {
      {"plain", "    run: ./attack network\n"}};
  if (GetParam() != Engine::Sandbox) {
    tasks.push_back({"rooted", "    user: root\n    run: ./attack network\n"});
  }
  write_pipeline(tasks);
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  for (const auto& [task, _] : tasks) {
    expect_all_blocked(task, name_of(GetParam()) + (task == "rooted" ? " root" : ""));
  }
  EXPECT_EQ(yard_->leaks(), "");
  // The one request that was allowed, once a task, and nothing of all that was wrong with the
  // others.
  EXPECT_THAT(yard_->good().said(), HasSubstr("GET / HTTP/1.1\r\nHost: good.test"));
  EXPECT_THAT(yard_->good().said(),
              Not(AnyOf(HasSubstr("a10"), HasSubstr("a12"), HasSubstr("CONNECT"))));
  EXPECT_THAT(yard_->good().said(), Not(HasSubstr("other.test")));
  EXPECT_THAT(ended.err,
              HasSubstr("refused 4141414142424242.attacker.test: no rule allows this host"));
  EXPECT_THAT(ended.err, HasSubstr("the name leads to 169.254.231.77 (link_local)"));
}

TEST_P(Network, DoesNotReachWhatAParallelNodeListensOn) {
  write_pipeline({{"server", "    run: ./attack serve 5555 6000\n"},
                  {"dialler", "    run: ./attack dial 5555 3000\n"},
                  {"both",
                   "    needs: [server, dialler]\n    run: |\n      ./attack serve 5555 2000 &\n"
                   "      ./attack dial 5555 1500\n      wait\n"}});
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one", "-j", "2"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_EQ(log("server"), "visitors 0\n");
  EXPECT_EQ(log("dialler"), "reached 0\n");
  EXPECT_THAT(log("both"), Not(AnyOf(HasSubstr("reached 0"), HasSubstr("visitors 0"))))
      << "who dials its own node must find it, else nothing was tried";
  note_blocked("A09 a neighbour's port", GetParam(), "its network is its own");
}

// A16: where the door should be made there is a file.
TEST_P(Network, NeverStartsWhereNoDoorCanBeMade) {
  write_pipeline(
      {{"a", "    run: ./attack get good.test " + std::to_string(Yard::kGoodPort) + "\n"}});
  const int before = yard_->good().connections();
  ASSERT_EQ(run(pipe({"run", "p.yaml", "--name", "first"})).exit_code, 0);
  EXPECT_EQ(yard_->good().connections(), before + 1) << "with a door it starts";
  const std::filesystem::path doors = std::filesystem::path(user_.state()) / "egress";
  ASSERT_TRUE(std::filesystem::is_directory(doors));
  std::filesystem::remove_all(doors);
  std::ofstream(doors) << "no folder";
  const Ended ended = run(pipe({"run", "p.yaml", "--name", "one", "--no-cache"}));
  EXPECT_NE(ended.exit_code, 0);
  EXPECT_EQ(yard_->good().connections(), before + 1);
  EXPECT_EQ(log("a"), "");
  EXPECT_EQ(yard_->leaks(), "");
  note_blocked("A16 the firewall cannot be set up", GetParam(), "never starts");
}

// A18, and what A02 asks for: no word of the language gives it.
TEST_P(Network, CannotAskForMore) {
  for (const char* const wish : {"privileged: true",
                                 "cap_add: [NET_RAW]",
                                 "network_mode: host",
                                 "pid: host",
                                 "volumes: ['/var/run/docker.sock:/var/run/docker.sock']",
                                 "mounts: ['/:/host']"}) {
    write_pipeline({{"a", "    run: 'true'\n    " + std::string(wish) + "\n"}});
    const Ended ended = run(pipe({"validate", "p.yaml"}));
    EXPECT_EQ(ended.exit_code, 2) << wish;
    EXPECT_THAT(ended.err + ended.out, HasSubstr("--> p.yaml:")) << wish;
    note_blocked("A18 " + std::string(wish), GetParam(), "invalid, with its line");
  }
  write_pipeline({{"a", "    run: 'true'\n"}});
  EXPECT_EQ(run(pipe({"validate", "p.yaml"})).exit_code, 0) << "without the wish it is valid";
}

// A17: a node has the rules that its run began with, whoever rewrites the pipeline meanwhile.
TEST_P(Network, NobodyChangesTheRulesOfARun) {
  const std::string port = std::to_string(Yard::kPort);
  const Tasks asking = {{"a",
                         "    run: |\n      ./attack hold good.test " +
                             std::to_string(Yard::kGoodPort) +
                             " &\n      while true; do ./attack ask tcp other.test " + port +
                             " x && break; echo refused; sleep 0.2; done\n"}};
  write_pipeline(asking);
  const auto refusals = [&] {
    const std::string text = log("a");
    return std::count(text.begin(), text.end(), '\n');
  };
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  ASSERT_TRUE(e2e::eventually([&] { return refusals() > 2; }));
  const std::string pipeline = e2e::read_text(folder_.path() / "p.yaml");
  const std::string wider = "allow: ['other.test:" + port + "', ";
  const std::string mark = "allow: [";
  const std::string private_mark = "allow_private: [";
  std::string rewritten = pipeline;
  rewritten.replace(
      rewritten.find(private_mark), private_mark.size(), private_mark + Yard::kCanary4 + ", ");
  rewritten.replace(rewritten.find(mark), mark.size(), wider);
  folder_.write("p.yaml", rewritten);
  const auto before = refusals();
  EXPECT_TRUE(e2e::eventually([&] { return refusals() > before + 5; }));
  EXPECT_EQ(yard_->leaks(), "");
  EXPECT_EQ(run(pipe({"stop", "one"})).exit_code, 0);
  running.wait();
  EXPECT_TRUE(e2e::eventually([] { return e2e::processes_with("ATTACK_CANARY4=").empty(); }))
      << "what was open is cut";
  // A run that begins with the new rules gets through.
  const Ended next = run(pipe({"run", "p.yaml", "--name", "two"}));
  EXPECT_EQ(next.exit_code, 0) << next.out << next.err;
  EXPECT_THAT(yard_->leaks(), HasSubstr("connections at the canary"));
  yard_->forget();
  note_blocked("A17 the pipeline is rewritten while it runs", GetParam(), "the rules stay");
}

// A43 to A45, A47 need somebody who listens: a run asks a browser, or anybody, for nothing.
TEST_P(Network, NothingOfARunListens) {
  write_pipeline({{"a",
                   "    run: ./attack get good.test " + std::to_string(Yard::kGoodPort) +
                       " && ./attack serve 5555 600000\n"}});
  const int before = yard_->good().connections();
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  ASSERT_TRUE(e2e::eventually([&] { return yard_->good().connections() > before; }));
  // Sockets of this machine's own network on which these processes wait for somebody.
  const auto listeners_of = [&](std::vector<pid_t> processes) {
    std::string folders;
    for (const pid_t process : processes) {
      folders += " /proc/" + std::to_string(process) + "/fd/*";
    }
    return on_the_machine("readlink" + folders +
                          " | sed -n 's/^socket:.\\([0-9]*\\).$/\\1/p' | "
                          "sort -u > '" +
                          around_.path().string() +
                          "/theirs'; "
                          "awk '$4 == \"0A\" { print $10 }' /proc/net/tcp /proc/net/tcp6 | sort | "
                          "comm -12 - '" +
                          around_.path().string() + "/theirs'")
        .out;
  };
  std::vector<pid_t> processes = processes_below(running.pid());
  processes.push_back(running.pid());
  EXPECT_GT(processes.size(), GetParam() == Engine::Sandbox ? 1U : 0U);
  EXPECT_EQ(listeners_of(processes), "");
  EXPECT_NE(listeners_of({getpid()}), "") << "the hosts of this test listen, and are seen";
  EXPECT_EQ(run(pipe({"stop", "one"})).exit_code, 0);
  running.wait();
  for (const char* const part : {"A43 a Host of another",
                                 "A44 a request from another origin",
                                 "A45 a stream for another origin",
                                 "A47 a path that leads out of the artifacts"}) {
    note_blocked(part, GetParam(), "nothing of a run listens");
  }
}

INSTANTIATE_FOR_ENGINES(Network);

/// The same on the machine itself.
class Control : public Network {};

TEST_P(Control, GetsThroughWhereNothingIsolates) {
  Start start{{folder_.path() / "attack", "network"}, folder_.path().string(), targets()};
  const Ended ended = run(among_hosts(start));
  EXPECT_THAT(ended.out, HasSubstr("all tried"));
  for (const Line& line : lines_of(ended.out)) {
    note({line.part, kNoEngine, (line.open ? "gets through: " : "blocked: no road: ") + line.how});
    // Nobody may open these here, and nobody knows these names; the others of their number do.
    const bool has_no_road = line.part.find("datagram") != std::string::npos;
    EXPECT_TRUE(line.open || has_no_road) << line.part << ": " << line.how;
  }
  for (const char* const what : {"packets at the canary",
                                 "queries at the canary",
                                 "connections at the canary",
                                 "connections at the machine",
                                 "queries at the machine's name servers"}) {
    EXPECT_THAT(yard_->leaks(), HasSubstr(what)) << "nobody would have seen it";
  }
}

INSTANTIATE_TEST_SUITE_P(Machine, Control, testing::Values(Engine::Host), [](const auto&) {
  return "itself";
});

}  // namespace
}  // namespace adversarial
