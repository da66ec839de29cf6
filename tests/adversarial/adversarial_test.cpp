// Every attack on the network from inside real nodes of each engine (list A of the threat model),
// against hosts that are made up on this machine. The same attacks, run on the machine itself, must
// get through: an attack that cannot succeed proves nothing. Ends with a table of case by engine.

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/adversarial/yard.h"
#include "tests/e2e/pipe_command.h"

namespace adversarial {
namespace {

using e2e::Ended;
using e2e::Engine;
using e2e::run;
using e2e::Start;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;

/// What the attacks print.
struct Line {
  std::string part;
  bool open = false;
  std::string how;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    const std::size_t first = line.find(" | ");
    const std::size_t second = line.find(" | ", first + 3);
    if (first != std::string::npos && second != std::string::npos) {
      lines.push_back({line.substr(0, first),
                       line.substr(first + 3, second - first - 3) == "OPEN",
                       line.substr(second + 3)});
    }
  }
  return lines;
}

/// The table: what, by whom, how it ended.
class Table : public testing::Environment {
 public:
  static void add(const std::string& part, const std::string& column, const std::string& how) {
    if (!rows().contains(part)) {
      order().push_back(part);
    }
    rows()[part][column] = how;
  }
  void TearDown() override {
    std::puts(
        "Not tried here. Nothing to attack yet: A17 (a run's rules never change), A30 (branch "
        "templates), A39 to A42 (secrets), A43 to A45 and A47 (a server), A56 and A58 (budgets). "
        "The gateway speaks no SOCKS (A12). Still to come: A21 to A26 (tests/store has them "
        "without "
        "engines), A32 to A38, A46, A48 to A55, A57.");
    for (const std::string& part : order()) {
      std::printf("%s\n", part.c_str());
      for (const auto& [column, how] : rows()[part]) {
        std::printf("    %-12s %s\n", column.c_str(), how.c_str());
      }
    }
  }

 private:
  static std::map<std::string, std::map<std::string, std::string>>& rows() {
    static std::map<std::string, std::map<std::string, std::string>> all;
    return all;
  }
  static std::vector<std::string>& order() {
    static std::vector<std::string> all;
    return all;
  }
};

// GoogleTest owns it.
const testing::Environment* const kTable = testing::AddGlobalTestEnvironment(new Table);

class Attacked : public testing::TestWithParam<Engine> {
 protected:
  static void SetUpTestSuite() {
    if (geteuid() == 0) {
      yard_ = std::make_unique<Yard>();
    }
  }
  static void TearDownTestSuite() { yard_.reset(); }

  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "only root can make up hosts";
    }
    NEEDS_ENGINE(GetParam());
    std::filesystem::copy_file(PIPE_ATTACK, folder_.path() / "attack");
    hosts_ =
        around_.write("hosts",
                      "127.0.0.1 localhost\n127.7.7.9 good.test\n" + std::string(Yard::kLinkLocal) +
                          " meta.test\n" + Yard::kCanary4 + " other.test attacker.test\n");
    resolver_ = around_.write("resolv.conf", "nameserver " + std::string(Yard::kCanary4) + "\n");
    yard_->forget();
  }

  /// Where the made-up hosts are known, and every other name is asked of the canary.
  [[nodiscard]] Start among_hosts(Start start) const {
    const std::vector<std::string> among = {
        "unshare",
        "--mount",
        "sh",
        "-c",
        "mount --bind \"$0\" /etc/hosts && mount --bind \"$1\" /etc/resolv.conf && "
        "shift && exec \"$@\"",
        hosts_,
        resolver_};
    start.argv.insert(start.argv.begin(), among.begin(), among.end());
    return start;
  }
  [[nodiscard]] Start pipe(const std::vector<std::string>& arguments) const {
    return among_hosts(user_.pipe(arguments, folder_.path().string()));
  }

  static std::map<std::string, std::string> targets() {
    return {{"ATTACK_CANARY4", Yard::kCanary4},
            {"ATTACK_CANARY6", Yard::kCanary6},
            {"ATTACK_LINK_LOCAL", Yard::kLinkLocal},
            {"ATTACK_MACHINE", Yard::kMachine},
            {"ATTACK_BRIDGE", "172.17.0.1"},
            {"ATTACK_PORT", std::to_string(Yard::kPort)},
            {"ATTACK_GOOD", "good.test"},
            {"ATTACK_GOOD_PORT", std::to_string(Yard::kGoodPort)},
            {"ATTACK_META", "meta.test"}};
  }

  static std::string image() {
    return GetParam() == Engine::Sandbox ? "host" : "pipe-test/busybox:1";
  }

  /// Tasks under one firewall; each is its lines beneath its name.
  void write_pipeline(const std::vector<std::pair<std::string, std::string>>& tasks) const {
    std::string text = "version: 1\nname: attacked\nengine: " + name_of(GetParam()) +
                       "\nimage: " + image() +
                       "\nfirewall:\n  allow: ['good.test:" + std::to_string(Yard::kGoodPort) +
                       "', '*.wild.test:443', 'meta.test:" + std::to_string(Yard::kPort) +
                       "']\n  allow_private: [127.7.7.9]\nenv:\n";
    for (const auto& [name, value] : targets()) {
      text += "  " + name + ": '" + value + "'\n";
    }
    text += "tasks:\n";
    for (const auto& [name, body] : tasks) {
      text += "  " + name + ":\n" + body + "    success_criteria: [{'[ ] ok': 'true'}]\n";
    }
    folder_.write("p.yaml", text);
  }

  [[nodiscard]] std::string log(const std::string& task) const {
    return run(pipe({"logs", "one", task})).out;
  }

  /// Every attack of the log was tried and blocked.
  void expect_all_blocked(const std::string& task, const std::string& column) const {
    const std::string text = log(task);
    const std::vector<Line> lines = lines_of(text);
    EXPECT_THAT(text, HasSubstr("all tried")) << "the attacks broke off";
    EXPECT_GE(lines.size(), 45U);
    for (const Line& line : lines) {
      EXPECT_FALSE(line.open) << column << ": " << line.part << ": " << line.how;
      EXPECT_THAT(line.how, Not(HasSubstr("not tried"))) << line.part;
      Table::add(line.part, column, (line.open ? "OPEN: " : "blocked: ") + line.how);
    }
  }

  static std::unique_ptr<Yard> yard_;
  e2e::TempFolder folder_;
  e2e::TempFolder around_;  // what the node does not see
  e2e::User user_;
  std::string hosts_;
  std::string resolver_;
};

std::unique_ptr<Yard> Attacked::yard_;

// A01 to A08, A10 to A13, A19. The host engine is no engine of this suite: it isolates nothing.
TEST_P(Attacked, ReachesNothingFromInside) {
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

TEST_P(Attacked, DoesNotReachWhatAParallelNodeListensOn) {
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
  Table::add("A09 a neighbour's port", name_of(GetParam()), "blocked: its network is its own");
}

// A14: all that leads out is in the runner; with it everything ends.
TEST_P(Attacked, LosesItsConnectionAndGainsNothingWhenTheGatewayIsKilled) {
  write_pipeline(
      {{"a", "    run: ./attack hold good.test " + std::to_string(Yard::kGoodPort) + "\n"}});
  const int before = yard_->good().connections();
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  ASSERT_TRUE(e2e::eventually([&] { return yard_->good().connections() > before; }));

  ASSERT_FALSE(e2e::processes_with("ATTACK_CANARY4=").empty());
  running.signal(SIGKILL);  // `pipe`, which `unshare` and the shell have become
  running.wait();
  // The node dies with it: nothing of it is left that could try anything else.
  EXPECT_TRUE(e2e::eventually([&] { return e2e::processes_with("ATTACK_CANARY4=").empty(); }));
  EXPECT_EQ(yard_->leaks(), "");
  Table::add("A14 the gateway is killed", name_of(GetParam()), "blocked: the node ends with it");
}

// A16: where the door should be made there is a file.
TEST_P(Attacked, NeverStartsWhereNoDoorCanBeMade) {
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
  Table::add("A16 the firewall cannot be set up", name_of(GetParam()), "blocked: never starts");
}

// A15: the container that holds the network of a group is started anew, or killed, by an outsider.
TEST_P(Attacked, GainsNothingWhenItsHolderIsKilled) {
  if (GetParam() == Engine::Sandbox) {
    GTEST_SKIP() << "nothing holds the network of a sandbox but descriptors";
  }
  write_pipeline({{"a",
                   "    services: {app: {run: './attack serve 7777 20000', port: 7777}}\n"
                   "    run: |\n      ./attack serve 7778 4000\n      ./attack network\n"}});
  const std::string program = name_of(GetParam());
  e2e::Running running(pipe({"run", "p.yaml", "--name", "one"}));
  std::string holder;
  ASSERT_TRUE(e2e::eventually([&] {
    holder = run({{program, "ps", "-q", "--filter", "name=one.*-network"}, "", {}}).out;
    holder = holder.substr(0, holder.find('\n'));
    return !holder.empty() && !e2e::processes_with("ATTACK_CANARY4=").empty();
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
  Table::add("A15 the holder is restarted", name_of(GetParam()), "blocked: nothing got out");
}

// A18, and what A02 asks for: no word of the language gives it.
TEST_P(Attacked, CannotAskForMore) {
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
    Table::add("A18 " + std::string(wish), name_of(GetParam()), "blocked: invalid, with its line");
  }
  write_pipeline({{"a", "    run: 'true'\n"}});
  EXPECT_EQ(run(pipe({"validate", "p.yaml"})).exit_code, 0) << "without the wish it is valid";
}

// A20.
TEST_P(Attacked, FollowsNoLinkOutOfTheWorkspace) {
  constexpr const char* kCheck =
      "    success_criteria: [{'[ ] it': {file: {path: result.txt, contains: root}}}]\n";
  const auto file = [&](const std::string& how) {
    folder_.write("p.yaml",
                  "version: 1\nname: hostile\nengine: " + name_of(GetParam()) +
                      "\nimage: " + image() + "\ntasks:\n  a:\n    run: " + how + "\n" + kCheck);
    return run(pipe({"run", "p.yaml"}));
  };
  const Ended linked = file("ln -s /etc/passwd result.txt");
  EXPECT_EQ(linked.exit_code, 1);
  EXPECT_THAT(linked.err, HasSubstr("a link leads out of the workspace"));
  EXPECT_THAT(linked.out + linked.err, Not(HasSubstr("root:x:")));
  EXPECT_EQ(file("echo root > result.txt").exit_code, 0) << "the check can be met";
  Table::add("A20 a link to /etc/passwd as a result", name_of(GetParam()), "blocked: not followed");
}

// A27 to A29, A31: what git would run of a repository that a node left.
TEST_P(Attacked, RunsNothingOfARepositoryThatANodeLeft) {
  const std::string marker = around_.path() / "marker";
  const std::string plant =
      "mkdir -p .git/hooks .git/objects .git/refs nested/.git; "
      "echo 'ref: refs/heads/main' > .git/HEAD; "
      "printf '[core]\\n\\tfsmonitor = touch " +
      marker + "; false\\n\\trepositoryformatversion = 0\\n[filter \"x\"]\\n\\tclean = touch " +
      marker +
      "\\n' > .git/config; cp -r .git/. nested/.git/; "
      "for hook in pre-commit post-checkout reference-transaction post-index-change; do "
      "printf '#!/bin/sh\\ntouch " +
      marker +
      "\\n' > .git/hooks/$hook; chmod +x .git/hooks/$hook; done; "
      "echo '* filter=x' > .gitattributes; echo text > file.txt";
  const e2e::TempFolder bait;
  ASSERT_EQ(run({{"sh", "-c", plant}, bait.path().string(), {}}).exit_code, 0);
  static_cast<void>(run({{"git", "status"}, bait.path().string(), {}}));
  ASSERT_TRUE(std::filesystem::remove(marker)) << "whoever runs git there runs the attack";

  folder_.write(
      "p.yaml",
      "version: 1\nname: hostile\nengine: " + name_of(GetParam()) + "\nimage: " + image() +
          "\ntasks:\n  a:\n    run: |\n      " + plant +
          "\n    success_criteria: [{'[ ] it': {file: {path: file.txt, contains: text}}}]\n"
          "  b:\n    needs: [a]\n    run: cat file.txt\n"
          "    success_criteria: [{'[ ] it': 'true'}]\n");
  const Ended ended = run(pipe({"run", "p.yaml"}));
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_FALSE(std::filesystem::exists(marker));
  Table::add("A27 A28 A29 A31 git configuration, hooks, filters, nested repositories",
             name_of(GetParam()),
             "blocked: nobody ran them");
}

INSTANTIATE_TEST_SUITE_P(Engines,
                         Attacked,
                         testing::Values(Engine::Sandbox, Engine::Docker, Engine::Podman),
                         [](const auto& engine) { return name_of(engine.param); });

/// The same on the machine itself.
class Control : public Attacked {};

TEST_P(Control, GetsThroughWhereNothingIsolates) {
  Start start{{folder_.path() / "attack", "network"}, folder_.path().string(), targets()};
  const Ended ended = run(among_hosts(start));
  EXPECT_THAT(ended.out, HasSubstr("all tried"));
  for (const Line& line : lines_of(ended.out)) {
    Table::add(line.part, "no engine", (line.open ? "gets through: " : "no road: ") + line.how);
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
