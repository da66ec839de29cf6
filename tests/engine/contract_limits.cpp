// Limits: enforced, or refused beforehand. Never ignored.

#include <gmock/gmock.h>

#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::HasSubstr;

/// Why the engine cannot enforce them here; "" it can.
std::string refusal(const Engine& engine,
                    const dsl::Image& image,
                    const dsl::Resources& resources) {
  JobNeeds needs;
  needs.image = image;
  needs.resources = resources;
  const auto errors = engine.unsupported(needs);
  if (errors.empty()) {
    return "";
  }
  EXPECT_FALSE(errors.front().remedy.empty()) << errors.front().message;
  return errors.front().message;
}

TEST_P(EngineContract, TellsOfMemoryThatRanOut) {
  Job job = probe_job({"eat", "200"});
  job.resources.memory = dsl::Bytes{64LL << 20};
  if (const auto why = refusal(engine(), job.image, job.resources); !why.empty()) {
    GTEST_SKIP() << why;
  }
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, JobEnd::How::OutOfMemory) << text_of(end);
  if (end.peak_memory) {
    EXPECT_LE(end.peak_memory->count, 64LL << 20);
    EXPECT_GT(end.peak_memory->count, 32LL << 20);
  }
}

TEST_P(EngineContract, LetsAJobHaveTheMemoryThatItMay) {
  Job job = probe_job({"eat", "20"});
  job.resources.memory = dsl::Bytes{64LL << 20};
  if (const auto why = refusal(engine(), job.image, job.resources); !why.empty()) {
    GTEST_SKIP() << why;
  }
  EXPECT_EQ(text_of(run(job)), "exit 0");
}

TEST_P(EngineContract, LimitsProcesses) {
  Job job = probe_job({"multiply", "100"});
  job.resources.pids = 10;
  if (const auto why = refusal(engine(), job.image, job.resources); !why.empty()) {
    GTEST_SKIP() << why;
  }
  EXPECT_EQ(text_of(run(job)), "exit 0");
  int children = -1;
  ASSERT_EQ(std::sscanf(log_of(job).c_str(), "children %d", &children), 1) << log_of(job);
  EXPECT_GE(children, 6);
  EXPECT_LE(children, 10);
}

TEST_P(EngineContract, LimitsProcessors) {
  Job job = probe_job({"exit", "0"});
  job.resources.cpus = dsl::Cpus{500};
  if (const auto why = refusal(engine(), job.image, job.resources); !why.empty()) {
    GTEST_SKIP() << why;
  }
  EXPECT_EQ(text_of(run(job)), "exit 0");
}

// The runner looks at how much it is (run/executor.cpp); who isolates nothing could not say.
TEST_P(EngineContract, TakesALimitOfDiskWhereItIsolates) {
  dsl::Resources resources;
  resources.disk = dsl::Bytes{1LL << 30};
  const std::string refused = refusal(engine(), GetParam().image(), resources);
  if (engine().traits().isolates) {
    EXPECT_EQ(refused, "");
  } else {
    EXPECT_THAT(refused, HasSubstr("disk"));
  }
}

}  // namespace
}  // namespace runner::contract
