// The small parts that all engines share: reports, logs, deadlines, command lines.

#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/engine/init_report.h"
#include "runner/engine/job_deadline.h"
#include "runner/engine/job_log.h"
#include "runner/engine/sandbox_command.h"
#include "runner/engine/sandbox_trouble.h"
#include "runner/engine/system_image.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSubsetOf;
using testing::Not;
using How = JobEnd::How;

// ---- Reports
// --------------------------------------------------------------------------------------

TEST(InitReport, IsRead) {
  Job job;
  job.argv = {"make"};
  const auto read = [&](const char* report) { return *read_init_report(job, report); };
  EXPECT_EQ(to_text(read("exited 0\n")), "exit 0");
  EXPECT_EQ(to_text(read("exited 137\n")), "exit 137");
  EXPECT_EQ(to_text(read("signalled 9\n")), "killed by signal 9 (SIGKILL)");
  EXPECT_EQ(read("exec-failed 2 make\n").how, How::NotStarted);
  EXPECT_THAT(read("exec-failed 2 make\n").detail, HasSubstr("'make' is in no folder"));
  EXPECT_THAT(read("no-directory 2 /a b\n").detail, HasSubstr("'/a b' cannot be entered"));
  EXPECT_EQ(read("no-cgroup 13 /sys/x\n").how, How::Lost);
}

TEST(InitReport, IsNoneUnlessWhole) {
  for (const char* const report : {"", "exited 0", "exited\n", "exited x\n", "something 1\n"}) {
    EXPECT_FALSE(read_init_report(Job{}, report)) << report;
  }
}

// ---- Logs
// -----------------------------------------------------------------------------------------

class JobLogTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (fs::temp_directory_path() / "pipe-log-XXXXXX").string();
    ASSERT_NE(mkdtemp(path.data()), nullptr);
    folder_ = path;
    job_.log_path = folder_ + "/log";
    job_.on_line = [this](std::string_view line) { lines_.emplace_back(line); };
  }
  void TearDown() override { EXPECT_TRUE(files::remove_tree(folder_)); }
  [[nodiscard]] std::string content() const {
    std::ifstream in(job_.log_path);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
  Job job_;
  EventLoop loop_;
  std::vector<std::string> lines_;
};

TEST_F(JobLogTest, TellsTheFirstLineAtOnceAndThenOnlyTheLast) {
  JobLog log(loop_, job_);
  log.append("one\ntwo\n");
  log.append("thr");
  log.append("ee\nfour\r\n\nfi");
  EXPECT_THAT(lines_, ElementsAre("two"));
  log.finish();
  EXPECT_THAT(lines_, ElementsAre("two", "fi"));
  EXPECT_EQ(content(), "one\ntwo\nthree\nfour\r\n\nfi");
}

TEST_F(JobLogTest, JoinsALineThatCameInPieces) {
  JobLog log(loop_, job_);
  log.append("a");
  log.append("b");
  log.append("c\n");
  EXPECT_EQ(log.last_line(), "abc");
  log.append("\n\n");
  EXPECT_EQ(log.last_line(), "abc");
}

TEST_F(JobLogTest, KeepsOnlySoMuchOfAnEndlessLine) {
  JobLog log(loop_, job_);
  for (int i = 0; i < 100; ++i) {
    log.append(std::string(1000, 'x'));
  }
  EXPECT_EQ(log.last_line().size(), 4096u);
  EXPECT_EQ(content().size(), 100'000u);
}

TEST_F(JobLogTest, MakesNoFileWhereNothingIsWritten) {
  JobLog log(loop_, job_);
  log.finish();
  EXPECT_FALSE(fs::exists(job_.log_path));
  EXPECT_FALSE(log.failure());
}

TEST_F(JobLogTest, WritesAndTellsNoSecret) {
  Masking masking;
  masking.add("secret-value");
  job_.masking = &masking;
  JobLog log(loop_, job_);
  log.append("it is secret-");
  EXPECT_EQ(content(), "it is ");
  log.append("value\nand sec");
  EXPECT_EQ(content(), "it is ***\nand ");
  log.finish();
  EXPECT_EQ(content(), "it is ***\nand sec");
  EXPECT_THAT(lines_, Not(Contains(HasSubstr("secret-"))));
}

TEST_F(JobLogTest, CutsExactlyAtTheCap) {
  job_.log_cap = 5;
  JobLog log(loop_, job_);
  log.append("12345");
  EXPECT_FALSE(log.truncated());
  log.append("6");
  log.append("7");
  EXPECT_TRUE(log.truncated());
  EXPECT_THAT(content(), testing::StartsWith("12345\n[pipe: this log has reached its limit of 5"));
  EXPECT_EQ(log.last_line(), "1234567");
}

TEST_F(JobLogTest, RemembersThatItCouldNotBeMade) {
  job_.log_path = folder_ + "/no/such/folder/log";
  JobLog log(loop_, job_);
  log.append("x");
  ASSERT_TRUE(log.failure());
  EXPECT_THAT(log.failure()->message, HasSubstr("No such file or directory"));
}

// ---- Deadlines
// ------------------------------------------------------------------------------------

struct Reached {
  std::string calls;
  JobDeadline::Reach reach() {
    return {.term = [this] { calls += "T"; },
            .kill = [this] { calls += "K"; },
            .force = [this] { calls += "F"; }};
  }
};

TEST(JobDeadlineTest, TermsThenKillsAfterTheGrace) {
  EventLoop loop;
  Reached reached;
  JobDeadline deadline(loop, reached.reach());
  deadline.stop({1});
  EXPECT_EQ(reached.calls, "T");
  while (reached.calls == "T") {
    loop.run_for({1000});
  }
  EXPECT_EQ(reached.calls, "TK");
  EXPECT_EQ(deadline.reason(), How::Stopped);
}

TEST(JobDeadlineTest, ASecondStopMayOnlyShortenTheGrace) {
  EventLoop loop;
  Reached reached;
  JobDeadline deadline(loop, reached.reach());
  deadline.stop({60'000});
  deadline.stop({30'000});
  EXPECT_EQ(reached.calls, "T");
  deadline.stop({0});
  EXPECT_EQ(reached.calls, "TK");
}

TEST(JobDeadlineTest, TheFirstReasonStands) {
  EventLoop loop;
  Reached reached;
  JobDeadline deadline(loop, reached.reach());
  deadline.start({1}, {60'000});
  while (!deadline.reason()) {
    loop.run_for({1000});
  }
  deadline.stop({0});
  EXPECT_EQ(deadline.reason(), How::TimedOut);
  EXPECT_EQ(reached.calls, "TK");
}

TEST(JobDeadlineTest, WithoutATimeoutNothingHappens) {
  EventLoop loop;
  Reached reached;
  JobDeadline deadline(loop, reached.reach());
  deadline.start({0}, {0});
  loop.run_for({1});
  EXPECT_EQ(reached.calls, "");
  EXPECT_FALSE(deadline.reason());
}

// ---- The command line of bubblewrap
// ---------------------------------------------------------------

class SandboxCommand : public testing::Test {
 protected:
  std::vector<std::string> command() {
    setup_.root.system = &system_;
    return sandbox_command(program_, {}, setup_, job_);
  }
  SandboxProgram program_{"/usr/bin/bwrap", "/s/pipe-init", 1000, 1000};
  SystemImage system_{"/s/etc", {"/usr"}, {{"usr/bin", "/bin"}}};
  SandboxSetup setup_;
  Job job_;
};

TEST_F(SandboxCommand, AlwaysTakesEverythingAway) {
  for (const uid_t uid : {uid_t{0}, uid_t{1000}}) {
    program_.uid = uid;
    const auto words = command();
    EXPECT_THAT((std::vector<std::string>{"--unshare-net",
                                          "--unshare-pid",
                                          "--unshare-ipc",
                                          "--unshare-uts",
                                          "--cap-drop",
                                          "ALL",
                                          "--new-session",
                                          "--die-with-parent",
                                          "--as-pid-1",
                                          "--seccomp"}),
                IsSubsetOf(words));
    EXPECT_EQ(std::count(words.begin(), words.end(), "--unshare-user"), uid == 0 ? 0 : 1);
    // Nothing in memory without a size.
    for (std::size_t i = 2; i < words.size(); ++i) {
      if (words[i] == "--tmpfs") {
        EXPECT_EQ(words[i - 2], "--size");
      }
    }
  }
}

TEST_F(SandboxCommand, StartsNoOtherProgramWithoutNeed) {
  EXPECT_EQ(command().front(), "/usr/bin/bwrap");
  setup_.cgroups = {"/sys/fs/cgroup/x"};
  const auto words = command();
  EXPECT_EQ(words[0] + " " + words[1] + " " + words[2] + " " + words[3],
            "/s/pipe-init stage --cgroup /sys/fs/cgroup/x");
}

TEST_F(SandboxCommand, NeverHoldsTheJobsCommandOrEnvironment) {
  job_.argv = {"secret-command"};
  job_.env = {{"TOKEN", "secret-value"}};
  for (const std::string& word : command()) {
    EXPECT_THAT(word, Not(HasSubstr("secret")));
  }
}

TEST_F(SandboxCommand, KnowsItsUsers) {
  const auto user = [&](const char* text) { return inner_user(text, program_); };
  EXPECT_FALSE(user("")->mapped);
  EXPECT_FALSE(user("host")->mapped);
  EXPECT_TRUE(user("root")->mapped);
  EXPECT_EQ(user("7:8")->uid, 7);
  EXPECT_EQ(user("7:8")->gid, 8);
  EXPECT_EQ(user("7")->gid, 7);
  for (const char* const wrong : {"postgres", "7:", ":7", "7:x", "-1", "7 "}) {
    EXPECT_FALSE(user(wrong)) << wrong;
  }
  program_.uid = 0;
  EXPECT_FALSE(user("root")->mapped);
}

// ---- Trouble
// --------------------------------------------------------------------------------------

TEST(SandboxTrouble, HasTheRemedyForWhatIsKnown) {
  const int failed = 1 << 8;
  EXPECT_THAT(sandbox_trouble("bwrap: setting up uid map: Permission denied", failed).remedy,
              HasSubstr("/etc/apparmor.d/bwrap"));
  EXPECT_THAT(
      sandbox_trouble("bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted", failed)
          .remedy,
      HasSubstr("/etc/apparmor.d/bwrap"));
  EXPECT_THAT(sandbox_trouble("bwrap: No permissions to create new namespace", failed).remedy,
              HasSubstr("user.max_user_namespaces"));
  EXPECT_EQ(sandbox_trouble("bwrap: something new", failed).message,
            "the sandbox could not be set up: bwrap: something new");
  EXPECT_THAT(sandbox_trouble("", 9).message, HasSubstr("killed from outside"));
}

// ---- The machine's own image
// ------------------------------------------------------------------------

TEST(SystemImageTest, ShowsProgramsAndNothingPrivate) {
  std::string path = (fs::temp_directory_path() / "pipe-system-XXXXXX").string();
  ASSERT_NE(mkdtemp(path.data()), nullptr);
  const auto image = prepare_system_image(path, 1234, 1234);
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_THAT(image->folders, Contains("/usr"));
  for (const char* const secret : {"shadow",
                                   "gshadow",
                                   "sudoers",
                                   "ssh",
                                   "ssl/private",
                                   "machine-id",
                                   "fstab",
                                   "cron.d",
                                   "apt"}) {
    EXPECT_FALSE(fs::exists(image->etc + "/" + secret)) << secret;
  }
  std::ifstream passwd(image->etc + "/passwd");
  const std::string users{std::istreambuf_iterator<char>(passwd), {}};
  EXPECT_EQ(users,
            "root:x:0:0:root:/pipe/home:/bin/sh\n"
            "pipe:x:1234:1234:pipe:/pipe/home:/bin/sh\n"
            "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n");
  const auto again = prepare_system_image(path, 1234, 1234);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->etc, image->etc);
  const auto other = prepare_system_image(path, 0, 0);
  ASSERT_TRUE(other);
  EXPECT_NE(other->etc, image->etc);
  EXPECT_TRUE(files::remove_tree(path));
}

}  // namespace
}  // namespace runner
