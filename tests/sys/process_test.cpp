#include "runner/sys/process.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <optional>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runner {
namespace {

using testing::HasSubstr;

constexpr dsl::Duration kDeadline{30'000};

SpawnRequest shell(const std::string& script) {
  SpawnRequest request;
  request.argv = {"/bin/sh", "-c", script};
  request.env = {{"PATH", "/usr/bin:/bin"}};
  return request;
}

dsl::Result<Finished> run(const SpawnRequest& request,
                          dsl::Duration timeout = kDeadline,
                          std::size_t cap = 1 << 20) {
  EventLoop loop;
  std::optional<dsl::Result<Finished>> finished;
  run_to_end(loop, request, timeout, cap, [&](dsl::Result<Finished> result) {
    finished = std::move(result);
    loop.stop();
  });
  loop.run();
  return *finished;
}

/// No process, or one that is dead and that the machine's init has not come to yet.
bool is_dead(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string number;
  std::string name;
  char state = 'Z';
  stat >> number >> name >> state;
  return state == 'Z';
}

/// Waits until the process is dead; false at the deadline.
bool dies(pid_t pid) {
  EventLoop loop;
  const std::int64_t deadline = loop.monotonic_ms() + kDeadline.ms;
  while (!is_dead(pid) && loop.monotonic_ms() < deadline) {
    loop.run_for({5});
  }
  return is_dead(pid);
}

TEST(Process, TellsTheExitStatus) {
  const auto finished = run(shell("exit 7"));
  ASSERT_TRUE(finished);
  EXPECT_TRUE(WIFEXITED(finished->wait_status));
  EXPECT_EQ(WEXITSTATUS(finished->wait_status), 7);
}

TEST(Process, TellsTheSignal) {
  const auto finished = run(shell("kill -KILL $$"));
  ASSERT_TRUE(finished);
  EXPECT_TRUE(WIFSIGNALED(finished->wait_status));
  EXPECT_EQ(WTERMSIG(finished->wait_status), SIGKILL);
}

TEST(Process, KeepsBothStreamsApartAndAtMostTheCap) {
  const auto finished = run(shell("printf 12345678; printf abcdefgh >&2"), kDeadline, 5);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "12345");
  EXPECT_EQ(finished->err, "abcde");
}

TEST(Process, SaysWhichProgramIsMissing) {
  SpawnRequest request;
  request.argv = {"no-such-program-anywhere"};
  const auto finished = run(request);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message,
            "start 'no-such-program-anywhere': No such file or directory");
  EXPECT_EQ(finished.error().remedy, "install it, or add its folder to PATH");
}

TEST(Process, SaysThatItsWorkingDirectoryIsMissing) {
  SpawnRequest request = shell("true");
  request.working_directory = "/no/such/folder";
  const auto finished = run(request);
  ASSERT_FALSE(finished);
  EXPECT_THAT(finished.error().message, HasSubstr("in '/no/such/folder'"));
}

TEST(Process, SaysThatAFileIsNotExecutable) {
  SpawnRequest request;
  request.argv = {"/etc/passwd"};
  const auto finished = run(request);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().message, "start '/etc/passwd': Permission denied");
}

TEST(Process, GivesExactlyTheDeclaredEnvironment) {
  SpawnRequest request;
  request.argv = {"/usr/bin/env"};
  request.env = {{"B", "2 two"}, {"A", "1"}};
  const auto finished = run(request);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "B=2 two\nA=1\n");
}

TEST(Process, StartsInItsWorkingDirectory) {
  SpawnRequest request = shell("pwd");
  request.working_directory = "/usr";
  const auto finished = run(request);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "/usr\n");
}

TEST(Process, PassesNoDescriptorThatWasNotNamed) {
  const int leaked = open("/dev/null", O_RDONLY);  // NOLINT(android-cloexec-open): the point
  ASSERT_GE(leaked, 3);
  // No pipe, whose ends the shell may still hold when it is looked at; and not its last command,
  // which would be run in its place.
  SpawnRequest request = shell("ls /proc/$$/fd; true");
  request.descriptors = {{leaked, 7}};
  const auto finished = run(request);
  close(leaked);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "0\n1\n2\n7\n");
}

TEST(Process, PassesDescriptorsWhoseNumbersCross) {
  // The pipes of the test most likely have the numbers that the child shall get, the other way
  // round.
  std::array<int, 2> first{};
  std::array<int, 2> second{};
  ASSERT_EQ(pipe2(first.data(), O_CLOEXEC), 0);
  ASSERT_EQ(pipe2(second.data(), O_CLOEXEC), 0);
  ASSERT_EQ(write(first[1], "first", 5), 5);
  ASSERT_EQ(write(second[1], "second", 6), 6);
  for (const int fd : {first[1], second[1]}) {
    close(fd);
  }
  SpawnRequest request = shell("cat /dev/fd/" + std::to_string(first[0]) + "; cat /dev/fd/" +
                               std::to_string(second[0]));
  request.descriptors = {{first[0], second[0]}, {second[0], first[0]}};
  const auto finished = run(request);
  close(first[0]);
  close(second[0]);
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "secondfirst") << finished->err;
}

TEST(Process, ReadsNothingFromStandardInput) {
  const auto finished = run(shell("cat; echo end"));
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->out, "end\n");
}

TEST(Process, KillsTheWholeGroupAtTheTimeout) {
  const auto finished = run(shell("trap '' TERM; sleep 1000 & echo $!; wait"), {200});
  ASSERT_TRUE(finished);
  EXPECT_TRUE(finished->timed_out);
  EXPECT_FALSE(finished->ok());
  EXPECT_TRUE(dies(std::stoi(finished->out)));
}

TEST(Process, DoesNotWaitForAGrandchildThatKeepsTheOutputOpenAndEndsIt) {
  const auto finished = run(shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(finished);
  EXPECT_TRUE(finished->ok());
  EXPECT_TRUE(dies(std::stoi(finished->out)));
}

TEST(Process, DestroyingItKillsAndReaps) {
  EventLoop loop;
  bool ended = false;
  auto process = Process::spawn(loop, shell("sleep 1000"), [&](int) { ended = true; });
  ASSERT_TRUE(process);
  const pid_t pid = (*process)->pid();
  process->reset();
  EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), -1);  // nobody left to wait for
  loop.run_for({1});
  EXPECT_FALSE(ended);
}

TEST(Process, MayBeDestroyedByItsOwnCallback) {
  EventLoop loop;
  std::unique_ptr<Process> process;
  auto spawned = Process::spawn(loop, shell("exit 3"), [&](int status) {
    EXPECT_EQ(WEXITSTATUS(status), 3);
    process.reset();
    loop.stop();
  });
  ASSERT_TRUE(spawned);
  process = std::move(*spawned);
  loop.run();
  EXPECT_EQ(process, nullptr);
}

TEST(Process, RestoresDefaultSignalHandlingInTheChild) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  const auto finished = run(shell("kill -PIPE $$"));
  std::signal(SIGPIPE, before);
  ASSERT_TRUE(finished);
  EXPECT_TRUE(WIFSIGNALED(finished->wait_status));
}

TEST(Process, IsKilledWithWhatItStartedOnDemand) {
  EventLoop loop;
  std::optional<dsl::Result<Finished>> finished;
  const auto kill =
      run_to_end(loop, shell("sleep 1000 & wait"), {0}, 100, [&](dsl::Result<Finished> how) {
        finished = std::move(how);
        loop.stop();
      });
  kill();
  loop.run();
  ASSERT_TRUE(*finished);
  EXPECT_FALSE((*finished)->ok());
  EXPECT_FALSE((*finished)->timed_out);
  kill();  // it is over: nothing happens
}

TEST(Process, EndsAProgramThatIsStillRunningWhenTheLoopGoes) {
  std::optional<EventLoop> loop(std::in_place);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  SpawnRequest request = shell("exec sleep 1000");
  request.descriptors = {{ends[1], 5}};
  run_to_end(*loop, request, {0}, 100, [](const dsl::Result<Finished>&) { FAIL(); });
  close(ends[1]);
  loop.reset();
  char byte = 0;
  EXPECT_EQ(read(ends[0], &byte, 1), 0);  // the program's end of the pipe is closed
  close(ends[0]);
}

}  // namespace
}  // namespace runner
