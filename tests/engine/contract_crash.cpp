// A runner that dies, and one that lives long.

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

namespace fs = std::filesystem;

TEST_P(EngineContract, NothingRunsOnWhenTheRunnerIsKilled) {
  const Lifeline lifeline(outside("lifeline"));
  const Job job = probe_job({"linger", inside("lifeline"), "stay"});
  // The first runner is a process of its own, with a loop and an engine of its own.
  const pid_t runner = fork();
  ASSERT_GE(runner, 0);
  if (runner == 0) {
    EventLoop own_loop;
    const auto own_engine = make_engine(own_loop);
    own_engine->prepare_image(job.image, [&](const dsl::Result<std::string>& digest) {
      if (!digest) {
        _exit(1);
      }
      own_engine->start(job, [](const JobEnd&) { _exit(2); });
    });
    own_loop.run();
    _exit(3);
  }
  wait_for_log(job, "lingering");
  EXPECT_TRUE(lifeline.is_held());
  ASSERT_EQ(kill(runner, SIGKILL), 0);
  int status = 0;
  ASSERT_EQ(waitpid(runner, &status, 0), runner);
  ASSERT_TRUE(WIFSIGNALED(status)) << status;

  const auto removed = remove_leftovers(kRun);
  ASSERT_TRUE(removed) << removed.error().message;
  const std::int64_t deadline = loop().monotonic_ms() + 60'000;
  while (lifeline.is_held() && loop().monotonic_ms() < deadline) {
    loop().run_for({10});
  }
  EXPECT_FALSE(lifeline.is_held());
}

std::ptrdiff_t open_descriptors() {
  return std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator());
}

TEST_P(EngineContract, HoldsNoDescriptorOfAJobThatEnded) {
  const auto batch = [&] {
    std::vector<Job> jobs;
    for (int i = 0; i < 16; ++i) {
      jobs.push_back(probe_job({"exit", std::to_string(i)}));
      Job missing = probe_job({});
      missing.argv = {"no-such-program"};
      jobs.push_back(missing);
    }
    run_all(jobs);
    for (int round = 0; round < 20; ++round) {
      loop().run_for({5});  // what an engine tidies up afterwards
    }
  };
  batch();  // what an engine keeps for all jobs is there after this
  const auto before = open_descriptors();
  batch();
  EXPECT_EQ(open_descriptors(), before);
}

TEST_P(EngineContract, RemovingLeftoversLeavesOtherRunsAlone) {
  const Job job = probe_job({"term"});
  start(job);
  wait_for_log(job, "ready");
  const auto removed = remove_leftovers(dsl::RunId("other-run-0000"));
  EXPECT_TRUE(removed) << removed.error().message;
  engine().stop(job.name, {60'000});
  EXPECT_EQ(text_of(wait_for_end(job.name)), "stopped");
  EXPECT_EQ(log_of(job), "ready\nbye\n");
}

}  // namespace
}  // namespace runner::contract
