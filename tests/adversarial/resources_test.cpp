// What a node does to the machine under it: cases A49 and A52 to A55 of list A, and figure R13,
// that nothing of it stays.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

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
using e2e::run;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kMet = "    success_criteria: [{'[ ] ok': 'true'}]\n";

class Resources : public Attacked {
 protected:
  /// A task with such limits (or none).
  [[nodiscard]] Ended run_task(const std::string& name,
                               const std::string& command,
                               const std::string& limits) const {
    return run_plain("env: {MARK: resources-8842}\ntasks:\n  a:\n    run: " + command + "\n" +
                         (limits.empty() ? "" : "    " + limits + "\n") + kMet,
                     name);
  }
  [[nodiscard]] std::string log_of(const std::string& name) const {
    return run(pipe({"logs", name, "a"})).out;
  }
};

// A52: as many processes as it may, and no more; nobody else feels it.
TEST_P(Resources, AForkBombEndsAtItsLimit) {
  ASSERT_EQ(run_task("free", "./attack forks 200", "").exit_code, 0);
  EXPECT_EQ(log_of("free"), "forked 200\n") << "without a limit there are so many";
  const Ended limited = run_task("one", "./attack forks 200", "resources: {pids: 40}");
  EXPECT_EQ(limited.exit_code, 0) << limited.out << limited.err;
  const std::string text = log_of("one");
  ASSERT_THAT(text, HasSubstr("forked "));
  EXPECT_LT(std::atoi(text.c_str() + 7), 40);
  note({"A52 a fork bomb", kNoEngine, "gets through: without a limit all are there"});
  note_blocked("A52 a fork bomb", GetParam(), "no more processes than it may have");
}

// A53.
TEST_P(Resources, AMemoryHogIsKilledAndToldAsSuch) {
  ASSERT_EQ(run_task("free", "./attack memory 160", "").exit_code, 0);
  EXPECT_EQ(log_of("free"), "filled 160\n");
  const Ended limited = run_task("one", "./attack memory 160", "resources: {memory: 64MiB}");
  EXPECT_EQ(limited.exit_code, 1) << limited.out << limited.err;
  EXPECT_THAT(limited.out, HasSubstr("out of memory"));
  note({"A53 a memory hog", kNoEngine, "gets through: without a limit it has all"});
  note_blocked("A53 a memory hog", GetParam(), "killed, told as out of memory");
}

// A54, R11: at the end of its time nothing of it goes on, however deaf it is. PIPE_R11_ROUNDS: how
// often.
TEST_P(Resources, NothingDeafOutlivesItsTask) {
  const char* const wanted = std::getenv("PIPE_R11_ROUNDS");
  const int rounds = wanted != nullptr ? std::atoi(wanted) : 2;
  for (int i = 0; i < rounds; ++i) {
    const std::string name = "r" + std::to_string(i);
    const Ended ended =
        run_task(name, "./attack orphans 300 600; ./attack serve 5555 600000", "timeout: 3s");
    EXPECT_EQ(ended.exit_code, 1) << ended.out << ended.err;
    EXPECT_THAT(ended.out, HasSubstr("timed out"));
    EXPECT_THAT(log_of(name), HasSubstr("left 300"));
    EXPECT_TRUE(eventually([] { return processes_with("MARK=resources-8842").empty(); },
                           std::chrono::seconds(1)))
        << "round " << i << ": " << processes_with("MARK=resources-8842").size() << " are left";
  }
  // On the machine itself they stay when their parent is gone.
  const Ended bare = on_the_machine("MARK=bare-8842 ./attack orphans 20 20");
  EXPECT_THAT(bare.out, HasSubstr("left 20"));
  EXPECT_EQ(processes_with("MARK=bare-8842").size(), 20U);
  for (const pid_t orphan : processes_with("MARK=bare-8842")) {
    kill(orphan, SIGKILL);
  }
  note({"A54 processes that ignore TERM", kNoEngine, "gets through: they outlive their parent"});
  note_blocked("A54 processes that ignore TERM",
               GetParam(),
               "none is left when the run ends, " + std::to_string(rounds) + " times");
}

// A55: the log has an end, the runner's memory does not grow with it.
TEST_P(Resources, AFloodOfOutputFillsNeitherDiskNorMemory) {
  const Ended quiet = run_task("quiet", "'true'", "");
  const Ended ended = run_task("one", "./attack flood 300", "");
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  EXPECT_LT(ended.peak_rss_kib - quiet.peak_rss_kib, 50 << 10);
  const Ended size = run({{"du", "-sm", user_.state()}, "", {}});
  EXPECT_LT(std::stoi(size.out), 300) << "the log is cut at 256 MiB";
  EXPECT_GT(std::stoi(size.out), 200) << "it wrote all that it may";
  note({"A55 a flood of output", kNoEngine, "gets through: a file takes all of it"});
  note_blocked("A55 a flood of output", GetParam(), "cut at the log's cap, memory flat");
}

// Of its workspace, and of what it writes to its image.
TEST_P(Resources, WritesNoMoreToTheDiskThanItMay) {
  const std::string write = "head -c 90000000 /dev/zero > ";
  ASSERT_EQ(run_task("free", write + "big && rm big", "").exit_code, 0);
  const std::string limit = "resources: {disk: 20MB}";
  const Ended full = run_task("one", write + "big; sleep 100", limit);
  EXPECT_EQ(full.exit_code, 1) << full.out << full.err;
  EXPECT_THAT(full.out, HasSubstr("out of disk: it wrote more than its limit of 20MB"));
  const std::string unnamed = "exec 3> gone; rm gone; head -c 90000000 /dev/zero >&3; sleep 100";
  EXPECT_THAT(run_task("gone", "'" + unnamed + "'", limit).out, HasSubstr("out of disk"));
  EXPECT_EQ(run_task("home", write + "$HOME/big", limit).exit_code, 1) << "its last look counts";
  EXPECT_EQ(run_task("little", "head -c 9000000 /dev/zero > some", limit).exit_code, 0);
  if (GetParam() != Engine::Sandbox) {
    const Ended image = run_task("image", write + "/big; sleep 100", limit + "\n    user: root");
    EXPECT_THAT(image.out, HasSubstr("out of disk")) << image.err;
  }
  note({"A49 a job that fills the disk", kNoEngine, "gets through: without a limit it is written"});
  note_blocked("A49 a job that fills the disk", GetParam(), "ended at its limit");
}

/// A file system of its own for the run store, with so little space.
class SmallDisk {
 public:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_);
    mounted_ =
        run({{"mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder_}, "", {}}).exit_code == 0;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { run({{"umount", "-l", folder_}, "", {}}); }
  [[nodiscard]] bool is_mounted() const { return mounted_; }

 private:
  std::string folder_;
  bool mounted_ = false;
};

// A49: a full disk is never a success, and the run goes on once there is space.
TEST_P(Resources, AFullDiskIsToldAndNothingIsDelivered) {
  fs::create_directories(user_.state());
  const SmallDisk disk(user_.state());
  ASSERT_TRUE(disk.is_mounted());
  const Ended first = run_task("first", "echo fine > delivered", "");
  ASSERT_EQ(first.exit_code, 0) << first.out << first.err;
  fs::remove(folder_.path() / "delivered");

  const std::string fill = "head -c 20000000 /dev/zero > " + user_.state() + "/ballast; ";
  static_cast<void>(on_the_machine(fill + "cat /dev/zero > " + user_.state() + "/more"));
  const Ended full = run_task("one", "head -c 4000000 /dev/urandom > delivered", "");
  EXPECT_NE(full.exit_code, 0) << full.out << full.err;
  EXPECT_THAT(full.out + full.err,
              testing::AnyOf(
                  HasSubstr("No space left"), HasSubstr("disk is full"), HasSubstr("or is full")));
  EXPECT_FALSE(fs::exists(folder_.path() / "delivered"));

  fs::remove(fs::path(user_.state()) / "ballast");
  fs::remove(fs::path(user_.state()) / "more");
  const Ended after = run_task("two", "head -c 4000000 /dev/urandom > delivered", "");
  EXPECT_EQ(after.exit_code, 0) << after.out << after.err;
  EXPECT_TRUE(fs::exists(folder_.path() / "delivered"));
  note_blocked("A49 a full disk", GetParam(), "no success, nothing delivered, then it goes on");
}

/// Open descriptors and resident memory of a process.
std::size_t descriptors_of(pid_t process) {
  const fs::directory_iterator all("/proc/" + std::to_string(process) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}
long resident_kib_of(pid_t process) {
  std::ifstream status("/proc/" + std::to_string(process) + "/status");
  for (std::string word; status >> word;) {
    if (long kib = 0; word == "VmRSS:" && status >> kib) {
      return kib;
    }
  }
  return 0;
}

// R13: after many nodes nothing is there that was not before. PIPE_R13_NODES: how many.
TEST_P(Resources, NothingStaysOfManyNodes) {
  const char* const wanted = std::getenv("PIPE_R13_NODES");
  const int nodes = wanted != nullptr ? std::atoi(wanted) : 24;
  const std::string scratch = (around_.path() / "tmp").string();
  fs::create_directories(scratch);
  user_.env["TMPDIR"] = scratch;
  const auto write = [&](int count) {
    std::string text = "firewall: {allow: ['good.test:" + std::to_string(Yard::kGoodPort) +
                       "'], allow_private: [127.7.7.9]}\nenv: {MARK: stays-9917}\ntasks:\n  a:\n"
                       "    matrix: {n: [0";
    for (int i = 1; i < count; ++i) {
      text += ", " + std::to_string(i);
    }
    write_plain(text + "]}\n    run: ./attack get good.test " + std::to_string(Yard::kGoodPort) +
                "\n" + kMet + "  last:\n    needs: [a]\n    env: {LAST: at-the-last-7710}\n" +
                "    run: ./attack serve 5555 4000\n" + kMet);
  };
  const auto is_at_the_last = [] { return !processes_with("LAST=at-the-last-7710").empty(); };
  const auto mounts_and_groups = [&] {
    return run({{"sh",
                 "-c",
                 "grep -c -F -e " + user_.state() +
                     " /proc/self/mountinfo; "
                     "find /sys/fs/cgroup -maxdepth 4 -name '*pipe*many*' | wc -l; "
                     "ls /run/netns 2> /dev/null | grep -vc canary"},
                "",
                {}})
        .out;
  };
  const std::string before = mounts_and_groups();
  write(2);
  e2e::Running two(pipe({"run", "p.yaml", "--name", "two", "--no-cache", "-j", "2"}));
  ASSERT_TRUE(eventually(is_at_the_last));
  const std::size_t descriptors = descriptors_of(two.pid());
  const long resident_kib = resident_kib_of(two.pid());
  EXPECT_EQ(two.wait().exit_code, 0);
  write(nodes);
  e2e::Running many(pipe({"run", "p.yaml", "--name", "many", "--no-cache", "-j", "2"}));
  ASSERT_TRUE(eventually(is_at_the_last, std::chrono::minutes(20)));
  EXPECT_TRUE(eventually([&] { return descriptors_of(many.pid()) <= descriptors; },
                         std::chrono::seconds(3)))
      << descriptors_of(many.pid()) << " descriptors, " << descriptors << " with two nodes";
  EXPECT_LT(resident_kib_of(many.pid()) - resident_kib, 10 << 10);
  const Ended ended = many.wait();
  EXPECT_EQ(ended.exit_code, 0) << ended.out << ended.err;
  // Podman tidies a little after its container has ended.
  EXPECT_TRUE(eventually([&] { return processes_with("MARK=stays-9917").empty(); }));
  EXPECT_TRUE(eventually([&] { return mounts_and_groups() == before; })) << before << "became\n"
                                                                         << mounts_and_groups();
  EXPECT_TRUE(fs::is_empty(scratch));
  const fs::path doors = fs::path(user_.state()) / "egress";
  EXPECT_TRUE(!fs::exists(doors) || fs::is_empty(doors)) << "sockets of doors";
  if (GetParam() != Engine::Sandbox) {
    for (const char* const kind :
         {"ps -aq --filter name=many", "volume ls -q --filter label=pipe.run=many"}) {
      const auto left = [&] { return on_the_machine(engine() + " " + kind).out; };
      EXPECT_TRUE(eventually([&] { return left().empty(); })) << kind << ": " << left();
    }
  }
  note_blocked("R13 what stays of many nodes", GetParam(), "nothing of " + std::to_string(nodes));
}

INSTANTIATE_FOR_ENGINES(Resources);

}  // namespace
}  // namespace adversarial
