// What a crash of the runner leaves: `kill -9` at random moments, interrupts, and two runners on
// one run. The witness is a file outside every tree, to which the nodes (host engine) append a line
// when they start, end and are checked.

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/pipe_command.h"

namespace e2e {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kLayers = 5;
constexpr int kWidth = 6;

std::string name_of(int layer, int place) {
  return "n" + std::to_string(layer) + std::to_string(place);
}

std::string needs_of(int layer, int place) {
  return layer == 0 ? ""
                    : "    needs: [" + name_of(layer - 1, place) + ", " +
                          name_of(layer - 1, (place + 1) % kWidth) + "]\n";
}

/// 30 nodes in five layers; each says in the witness what happens to it and writes one file.
std::string witnessed_pipeline(const std::string& witness) {
  std::string text =
      "version: 1\nname: witnessed\nengine: host\nenv: {WITNESS: " + witness + "}\ntasks:\n";
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int place = 0; place < kWidth; ++place) {
      const std::string name = name_of(layer, place);
      text += "  " + name + ":\n" + needs_of(layer, place) +
              "    run: |\n"
              "      echo 'start " +
              name +
              "' >> \"$WITNESS\"\n"
              "      sleep 0.05\n"
              "      echo " +
              name + " > " + name +
              ".txt\n"
              "      echo 'end " +
              name +
              "' >> \"$WITNESS\"\n"
              "    success_criteria:\n"
              "      - \"[ ] " +
              name +
              " wrote its file\": |\n"
              "          echo \"check " +
              name +
              " $(echo *.txt)\" >> \"$WITNESS\"\n"
              "          test -s " +
              name + ".txt\n";
    }
  }
  return text;
}

/// What the criterion of a node says of the node's own tree: its file, and those of all above it.
std::string check_line(int layer, int place) {
  std::set<std::string> files;
  std::set<int> places{place};
  for (int above = layer; above >= 0; --above) {
    std::set<int> next;
    for (const int one : places) {
      files.insert(name_of(above, one) + ".txt");
      next.insert({one, (one + 1) % kWidth});
    }
    places = next;
  }
  std::string line = "check " + name_of(layer, place);
  for (const std::string& file : files) {
    line += " " + file;
  }
  return line;
}

using Counts = std::map<std::string, int>;

/// How often each line stands in the witness.
Counts counts_of(const std::string& witness) {
  Counts counts;
  if (fs::exists(witness)) {
    std::istringstream lines(read_text(witness));
    for (std::string line; std::getline(lines, line);) {
      ++counts[line];
    }
  }
  return counts;
}

int lines_of(const std::string& witness) {
  int lines = 0;
  for (const auto& [line, count] : counts_of(witness)) {
    lines += count;
  }
  return lines;
}

/// The tasks that `pipe show` calls passed.
std::set<std::string> passed_tasks(const User& user,
                                   const std::string& run,
                                   const std::string& folder) {
  std::set<std::string> passed;
  std::istringstream lines(user.run_pipe({"show", run}, folder).out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string task;
    std::string stage;
    if (line.starts_with("n") && words >> task >> stage && stage == "passed") {
      passed.insert(task);
    }
  }
  return passed;
}

class Crash : public testing::Test {
 protected:
  Crash() : witness_((outside_.path() / "witness").string()) {
    project_.write("dag.yaml", witnessed_pipeline(witness_));
  }

  [[nodiscard]] std::string folder() const { return project_.path().string(); }

  TempFolder outside_;
  TempFolder project_;
  User user_;
  std::string witness_;
};

/// Kills the runner after some more witness lines each time, and resumes, until the run is through.
class KilledAtRandom : public Crash, public testing::WithParamInterface<unsigned> {};

TEST_P(KilledAtRandom, RepeatsNothingThatWasVerifiedAndLosesNothing) {
  std::mt19937 random(GetParam());
  std::vector<std::string> arguments = {"run", "dag.yaml", "-j", "4", "--name", "crash"};
  Counts verified_at_kill;  // witness lines of verified nodes, when they were first seen so
  int kills = 0;
  for (; kills < 40; ++kills) {
    Running runner(user_.pipe(arguments, folder()));
    const int enough = lines_of(witness_) + std::uniform_int_distribution(0, 30)(random);
    ASSERT_TRUE(eventually([&] { return runner.has_ended() || lines_of(witness_) >= enough; }));
    runner.signal(SIGKILL);
    const Ended ended = runner.wait();
    if (ended.exit_code != 128 + SIGKILL) {
      ASSERT_EQ(ended.exit_code, 0) << ended.out << ended.err;
      break;
    }
    const Counts seen = counts_of(witness_);
    for (const std::string& task : passed_tasks(user_, "crash", folder())) {
      const std::string check = check_line(task[1] - '0', task[2] - '0');
      for (const std::string& line : {"start " + task, "end " + task, check}) {
        verified_at_kill.emplace(line, seen.contains(line) ? seen.at(line) : 0);
      }
    }
    // Killed before the run had a name in the store: it is simply begun again.
    if (user_.run_pipe({"show", "crash"}, folder()).exit_code == 0) {
      arguments = {"resume", "crash", "-j", "4"};
    }
  }
  const Counts seen = counts_of(witness_);
  for (const auto& [line, count] : verified_at_kill) {
    EXPECT_EQ(seen.at(line), count) << "'" << line << "' happened again after it was verified";
  }
  for (int layer = 0; layer < kLayers; ++layer) {
    for (int place = 0; place < kWidth; ++place) {
      const std::string name = name_of(layer, place);
      EXPECT_TRUE(seen.contains(check_line(layer, place))) << name << " was never checked";
      EXPECT_TRUE(fs::exists(project_.path() / (name + ".txt"))) << name << " was lost";
    }
  }
  EXPECT_GT(kills, 0);
  EXPECT_FALSE(verified_at_kill.empty()) << "no kill came after a verified node";
  EXPECT_TRUE(eventually([&] { return processes_with(witness_).empty(); }))
      << "a process of the run is left over";
}

INSTANTIATE_TEST_SUITE_P(Seeds, KilledAtRandom, testing::Values(1U, 2U, 3U, 4U));

/// A quick task, and one that sleeps; `mark` is in the command line of its shell.
std::string slow_pipeline(const std::string& engine, const std::string& mark) {
  return "version: 1\nname: slow\nengine: " + engine + "\nimage: host\ntasks:\n" +
         "  first: {run: echo one > one.txt}\n"
         "  slow:\n    needs: [first]\n    run: |\n"
         "      : " +
         mark +
         "\n"
         "      sleep 300\n";
}

// What is left where the runner died between the run's folder and the first commit of its journal.
TEST_F(Crash, ARunThatNeverBeganIsStartedByResume) {
  project_.write("one.yaml",
                 "version: 1\nname: one\nengine: host\ntasks:\n  a: {run: echo 1 > one.txt}\n");
  ASSERT_EQ(user_.run_pipe({"run", "one.yaml", "-n", "r", "--no-cache"}, folder()).exit_code, 0);
  fs::remove(project_.path() / "one.txt");
  const fs::path run = fs::path(user_.state()) / "runs/r";
  for (const char* file : {"journal.db", "journal.db-wal", "journal.db-shm", "summary.json"}) {
    fs::remove(run / file);
  }

  const std::string shown = user_.run_pipe({"show", "r"}, folder()).out;
  EXPECT_THAT(shown, HasSubstr("not started: r, 1 task (1 not done)\n"));
  EXPECT_THAT(shown, HasSubstr("next: pipe resume r"));
  const Ended resumed = user_.run_pipe({"resume", "r"}, folder());

  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_THAT(resumed.out, HasSubstr("passed: r, 1 task"));
  EXPECT_EQ(read_text(project_.path() / "one.txt"), "1\n");
}

class KilledWithEngine : public Crash, public testing::WithParamInterface<Engine> {};

// The mark is in the command line of the node's shell; nothing with it may be left, also where the
// runner had no chance to clean up.
TEST_P(KilledWithEngine, LeavesNoProcessBehindOnceItsRunIsCleaned) {
  NEEDS_ENGINE(GetParam());
  const std::string mark = "left-over-" + std::to_string(getpid()) + "-" + name_of(GetParam());
  std::string text = slow_pipeline(name_of(GetParam()), mark);
  if (GetParam() == Engine::Docker || GetParam() == Engine::Podman) {
    text.replace(text.find("image: host"), 11, "image: pipe-test/busybox:1");
  }
  project_.write("slow.yaml", text);
  Running runner(user_.pipe({"run", "slow.yaml", "--name", "killed"}, folder()));
  ASSERT_TRUE(eventually([&] {
    return runner.has_ended() || !processes_with(": " + mark).empty();
  })) << runner.err_so_far();
  ASSERT_FALSE(runner.has_ended()) << runner.out_so_far() << runner.err_so_far();
  runner.signal(SIGKILL);
  runner.wait();
  const Ended cleaned = user_.run_pipe({"clean", "killed", "--force"}, folder());
  EXPECT_EQ(cleaned.exit_code, 0) << cleaned.out << cleaned.err;
  EXPECT_TRUE(eventually([&] { return processes_with(": " + mark).empty(); }));
}

INSTANTIATE_TEST_SUITE_P(
    Engines,
    KilledWithEngine,
    testing::Values(Engine::Sandbox, Engine::Host, Engine::Docker, Engine::Podman),
    [](const auto& each) { return name_of(each.param); });

class Interrupted : public Crash {
 protected:
  /// Starts the pipeline and waits until its second task sleeps.
  void start(Running& runner, const std::string& mark) {
    ASSERT_TRUE(eventually([&] {
      return runner.has_ended() || !processes_with(": " + mark).empty();
    })) << runner.err_so_far();
    ASSERT_FALSE(runner.has_ended()) << runner.out_so_far() << runner.err_so_far();
  }
};

TEST_F(Interrupted, BySigintEndsWith130KeepsWhatPassedAndSaysHowToGoOn) {
  const std::string mark = "interrupt-" + std::to_string(getpid());
  project_.write("slow.yaml", slow_pipeline("host", mark));
  Running runner(user_.pipe({"run", "slow.yaml", "--name", "stopped"}, folder()));
  start(runner, mark);
  runner.signal(SIGINT);
  const Ended ended = runner.wait(std::chrono::seconds(30));
  EXPECT_EQ(ended.exit_code, 130) << ended.out << ended.err;
  EXPECT_THAT(ended.out + ended.err, HasSubstr("pipe resume stopped"));
  EXPECT_THAT(processes_with(": " + mark), IsEmpty());
  EXPECT_THAT(user_.run_pipe({"show", "stopped"}, folder()).out, HasSubstr("interrupted"));
  EXPECT_FALSE(fs::exists(project_.path() / "one.txt")) << "an unfinished run changed the project";
}

TEST_F(Interrupted, BySigtermEndsWith143) {
  const std::string mark = "terminate-" + std::to_string(getpid());
  project_.write("slow.yaml", slow_pipeline("host", mark));
  Running runner(user_.pipe({"run", "slow.yaml", "--name", "stopped"}, folder()));
  start(runner, mark);
  runner.signal(SIGTERM);
  const Ended ended = runner.wait(std::chrono::seconds(30));
  EXPECT_EQ(ended.exit_code, 143) << ended.out << ended.err;
  EXPECT_THAT(processes_with(": " + mark), IsEmpty());
}

TEST_F(Interrupted, RunGoesOnWhereItStopped) {
  project_.write("once.yaml",
                 "version: 1\nname: once\nengine: host\nenv: {WITNESS: " + witness_ +
                     "}\ntasks:\n"
                     "  first: {run: 'echo first >> \"$WITNESS\"; echo one > one.txt'}\n"
                     "  second:\n    needs: [first]\n    run: |\n"
                     "      echo second >> \"$WITNESS\"\n"
                     "      if [ $(grep -c second \"$WITNESS\") = 1 ]; then sleep 300; fi\n"
                     "      cp one.txt two.txt\n");
  Running runner(user_.pipe({"run", "once.yaml", "--name", "again"}, folder()));
  ASSERT_TRUE(
      eventually([&] { return runner.has_ended() || counts_of(witness_).contains("second"); }));
  runner.signal(SIGINT);
  ASSERT_EQ(runner.wait().exit_code, 130);
  const Ended resumed = user_.run_pipe({"resume", "again"}, folder());
  EXPECT_EQ(resumed.exit_code, 0) << resumed.out << resumed.err;
  EXPECT_EQ(counts_of(witness_)["first"], 1);
  EXPECT_EQ(counts_of(witness_)["second"], 2);
  EXPECT_EQ(read_text(project_.path() / "two.txt"), "one\n");
}

/// With ten minutes of grace, whoever waits for it is found out by this test's patience.
TEST_F(Interrupted, StopNowDoesNotWaitForATaskThatIgnoresIt) {
  const std::string mark = "stubborn-" + std::to_string(getpid());
  project_.write(".pipe/config.yaml", "grace: 10m\n");
  project_.write("stubborn.yaml",
                 "version: 1\nname: stubborn\nengine: host\ntasks:\n  a:\n    run: |\n"
                 "      trap '' TERM INT\n      : " +
                     mark + "\n      echo ready >> '" + witness_ +
                     "'\n      while :; do sleep 1; done\n");
  Running runner(user_.pipe({"run", "stubborn.yaml", "--name", "held"}, folder()));
  ASSERT_TRUE(
      eventually([&] { return runner.has_ended() || counts_of(witness_).contains("ready"); }));
  const Ended stopped = user_.run_pipe({"stop", "--now", "held"}, folder());
  EXPECT_EQ(stopped.exit_code, 0) << stopped.out << stopped.err;
  const Ended ended = runner.wait(std::chrono::seconds(30));
  EXPECT_EQ(ended.exit_code, 143);
  EXPECT_THAT(ended.err, HasSubstr("killing on SIGQUIT, which is what `pipe stop --now` sends\n"));
  EXPECT_THAT(processes_with(": " + mark), IsEmpty());
}

TEST_F(Interrupted, TwoRunnersNeverHoldOneRun) {
  const std::string mark = "two-runners-" + std::to_string(getpid());
  project_.write("slow.yaml", slow_pipeline("host", mark));
  Running runner(user_.pipe({"run", "slow.yaml", "--name", "held"}, folder()));
  start(runner, mark);
  const Ended second = user_.run_pipe({"resume", "held"}, folder());
  EXPECT_EQ(second.exit_code, 2) << second.out << second.err;
  EXPECT_THAT(second.err, HasSubstr("held"));
  EXPECT_FALSE(runner.has_ended()) << "the second runner disturbed the first";
  const Ended stopped = user_.run_pipe({"stop", "held"}, folder());
  EXPECT_EQ(stopped.exit_code, 0) << stopped.out << stopped.err;
  EXPECT_NE(runner.wait(std::chrono::seconds(30)).exit_code, 0);
  EXPECT_THAT(processes_with(": " + mark), IsEmpty());
}

}  // namespace
}  // namespace e2e
