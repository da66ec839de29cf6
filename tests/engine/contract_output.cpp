// What a job writes.

#include <fstream>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "tests/engine/contract.h"

namespace runner::contract {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

std::int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::int64_t total = 0;
  std::int64_t resident = 0;
  statm >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST_P(EngineContract, KeepsBothStreamsInTheOrderOfWriting) {
  const Job job = probe_job({"alternate", "2000"});
  EXPECT_EQ(text_of(run(job)), "exit 0");
  std::string expected;
  for (int i = 0; i < 2000; ++i) {
    expected += "line " + std::to_string(i) + "\n";
  }
  // Docker has one stream for each, and promises no order between the two.
  if (engine().traits().name == dsl::EngineName::Docker ||
      engine().traits().name == dsl::EngineName::Podman) {
    EXPECT_EQ(log_of(job).size(), expected.size());
  } else {
    EXPECT_EQ(log_of(job), expected);
  }
}

TEST_P(EngineContract, WritesMuchOutputWithoutHoldingItInMemory) {
  const Job job = probe_job({"flood", "100"});
  const std::int64_t before = resident_bytes();
  const JobEnd end = run(job);
  const std::int64_t after = resident_bytes();
  EXPECT_EQ(text_of(end), "exit 0");
  EXPECT_FALSE(end.log_truncated);
  struct stat status {};
  ASSERT_EQ(stat(job.log_path.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 100'000'000);
  EXPECT_LT(after - before, 10 << 20);
}

TEST_P(EngineContract, CutsALogAtItsCapAndSaysSo) {
  Job job = probe_job({"flood", "3"});
  job.log_cap = 1 << 20;
  std::size_t heard = 0;
  job.on_output = [&](std::string_view bytes) { heard += bytes.size(); };
  const JobEnd end = run(job);
  EXPECT_EQ(text_of(end), "exit 0");
  EXPECT_EQ(heard, 3'000'000U) << "an agent is read beyond the cap";
  EXPECT_TRUE(end.log_truncated);
  const std::string log = log_of(job);
  EXPECT_GT(log.size(), 1u << 20);
  EXPECT_LT(log.size(), (1u << 20) + 200);
  EXPECT_THAT(log.substr(1 << 20), HasSubstr("limit of 1MiB"));
}

TEST_P(EngineContract, TellsTheLastLine) {
  Job job = probe_job({"alternate", "501"});
  std::string last;
  job.on_line = [&](std::string_view line) { last = line; };
  EXPECT_EQ(text_of(run(job)), "exit 0");
  EXPECT_EQ(last, "line 500");
}

TEST_P(EngineContract, LosesAJobWhoseLogCannotBeWritten) {
  Job job = probe_job({"flood", "1"});
  job.log_path = "/dev/full";
  const JobEnd end = run(job);
  EXPECT_EQ(end.how, JobEnd::How::Lost) << text_of(end);
  EXPECT_THAT(end.detail, HasSubstr("No space left on device"));
}

}  // namespace
}  // namespace runner::contract
