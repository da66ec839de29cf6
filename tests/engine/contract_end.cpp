// How a job ends, and that nothing of it is left then.

#include <csignal>
#include <fstream>
#include <sys/stat.h>

#include <gmock/gmock.h>

#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::HasSubstr;
using How = JobEnd::How;

TEST_P(EngineContract, TellsEveryExitCode) {
  std::vector<Job> jobs;
  for (int code = 0; code < 256; ++code) {
    jobs.push_back(probe_job({"exit", std::to_string(code)}));
  }
  const std::vector<JobEnd> ends = run_all(jobs);
  for (int code = 0; code < 256; ++code) {
    const JobEnd& end = ends[static_cast<std::size_t>(code)];
    ASSERT_EQ(text_of(end), "exit " + std::to_string(code));
    ASSERT_EQ(end.succeeded(), code == 0);
  }
}

TEST_P(EngineContract, TellsSignalsApartFromExitCodes) {
  std::vector<Job> jobs;
  const std::vector<int> signals = {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGKILL, SIGSEGV, SIGTERM};
  for (const int number : signals) {
    jobs.push_back(probe_job({"signal", std::to_string(number)}));
  }
  const std::vector<JobEnd> ends = run_all(jobs);
  for (std::size_t i = 0; i < signals.size(); ++i) {
    EXPECT_EQ(ends[i].how, How::Signalled) << text_of(ends[i]);
    EXPECT_EQ(ends[i].code, signals[i]);
  }
}

TEST_P(EngineContract, SaysWhichProgramIsMissing) {
  Job job = probe_job({});
  job.argv = {"no-such-program", "-x"};
  job.env = {{"PATH", "/usr/bin:/bin"}};
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, How::NotStarted) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("'no-such-program'"));
}

TEST_P(EngineContract, SaysThatAFileIsNotExecutable) {
  std::ofstream(outside("notes.txt")) << "not a program";
  Job job = probe_job({});
  job.argv = {inside("notes.txt")};
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, How::NotStarted) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("chmod +x"));
}

TEST_P(EngineContract, SaysThatItsWorkingDirectoryIsMissing) {
  Job job = probe_job({"exit", "0"});
  job.working_directory = inside("no-such-folder");
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, How::NotStarted) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("no-such-folder"));
}

TEST_P(EngineContract, FindsItsProgramInTheDeclaredPath) {
  Job job = probe_job({"exit", "5"});
  const std::string path = job.argv[0];
  job.argv[0] = path.substr(path.rfind('/') + 1);
  job.env = {{"PATH", "/no/such/folder:" + path.substr(0, path.rfind('/'))}};
  EXPECT_EQ(text_of(run(job)), "exit 5");
}

TEST_P(EngineContract, EndsWhatACommandLeavesBehind) {
  const Lifeline lifeline(outside("lifeline"));
  const Job job = probe_job({"linger", inside("lifeline"), "leave"});
  const JobEnd end = run(job);
  EXPECT_EQ(text_of(end), "exit 0");
  EXPECT_EQ(log_of(job), "lingering\n");
  EXPECT_FALSE(lifeline.is_held());
}

TEST_P(EngineContract, ATimeoutEndsTheWholeTree) {
  const Lifeline lifeline(outside("lifeline"));
  Job job = probe_job({"linger", inside("lifeline"), "stay"});
  // The job must have come to live before its time is over, or nothing would be proved.
  job.timeout = {3'000};
  start(job);
  wait_for_log(job, "lingering");
  EXPECT_TRUE(lifeline.is_held());
  const JobEnd end = wait_for_end(job.name);
  EXPECT_EQ(end.how, How::TimedOut) << text_of(end);
  EXPECT_GE(end.took.ms, 3'000);
  EXPECT_FALSE(lifeline.is_held());
}

TEST_P(EngineContract, StoppingEndsTheWholeTree) {
  const Lifeline lifeline(outside("lifeline"));
  const Job job = probe_job({"linger", inside("lifeline"), "stay"});
  start(job);
  wait_for_log(job, "lingering");
  engine().stop(job.name, {200});
  EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  EXPECT_FALSE(lifeline.is_held());
}

TEST_P(EngineContract, StoppingWithoutGraceKillsAtOnce) {
  const Job job = probe_job({"term"});
  start(job);
  wait_for_log(job, "ready");
  engine().stop(job.name, {0});
  EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  EXPECT_EQ(log_of(job), "ready\n");
}

TEST_P(EngineContract, StoppingLetsAJobTidyUpWithinTheGrace) {
  const Job job = probe_job({"term"});
  start(job);
  wait_for_log(job, "ready");
  engine().stop(job.name, {60'000});
  EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  EXPECT_EQ(log_of(job), "ready\nbye\n");
}

TEST_P(EngineContract, StoppingRightAfterTheStartEndsTheJob) {
  const Lifeline lifeline(outside("lifeline"));
  const Job job = probe_job({"linger", inside("lifeline"), "stay"});
  start(job);
  engine().stop(job.name, {0});
  EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  EXPECT_FALSE(lifeline.is_held());
}

TEST_P(EngineContract, StoppingAJobThatDoesNotRunDoesNothing) {
  engine().stop(JobName("pipe-calm-otter-3f2a-0123456789ab-99"), {0});
  const Job job = probe_job({"exit", "3"});
  EXPECT_EQ(text_of(run(job)), "exit 3");
  engine().stop(job.name, {0});
}

TEST_P(EngineContract, AppendsToALogThatIsThere) {
  Job job = probe_job({"args", "once"});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  Job again = probe_job({"args", "twice"});
  again.log_path = job.log_path;
  EXPECT_EQ(text_of(run(again)), "exit 0");
  EXPECT_EQ(log_of(job), "[once]\n[twice]\n");
}

}  // namespace
}  // namespace runner::contract
