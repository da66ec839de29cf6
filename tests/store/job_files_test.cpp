#include "runner/store/job_files.h"

#include <gtest/gtest.h>

#include "dsl/digest.h"
#include "runner/sys/files.h"

namespace runner {
namespace {

class JobFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder = *files::make_temporary_folder(testing::TempDir(), "job-files-");
  }
  void TearDown() override { ASSERT_TRUE(files::remove_tree(folder)); }
  std::string folder;
};

TEST_F(JobFilesTest, NamesOfLogsAreFileNamesWhateverTheNodeIsCalled) {
  DiskJobFiles made(folder);
  EXPECT_EQ(made.log_name(dsl::NodeId("test[os=linux,cc=gcc]"), "1"),
            "logs/test[os=linux,cc=gcc].1.log");
  EXPECT_EQ(made.log_name(dsl::NodeId("../a b"), "1"), "logs/%2E%2E%2Fa%20b.1.log");
  const std::string long_name = made.log_name(dsl::NodeId(std::string(5'000, 'x')), "1");
  EXPECT_LT(long_name.size(), 200U);
  EXPECT_NE(long_name, made.log_name(dsl::NodeId(std::string(5'001, 'x')), "1"));
}

TEST_F(JobFilesTest, ASummaryHasTheEndOfALongLogAndTheDigestOfAllOfIt) {
  DiskJobFiles made(folder);
  std::string log;
  for (int i = 0; i < 10'000; ++i) {
    log += "line " + std::to_string(i) + "\n";
  }
  ASSERT_TRUE(made.write(made.absolute("logs/a.1.log"), log));
  const LogSummary summary = made.summarise("logs/a.1.log");
  EXPECT_EQ(summary.bytes, static_cast<std::int64_t>(log.size()));
  EXPECT_EQ(summary.digest, dsl::sha256_hex(log));
  EXPECT_LE(summary.tail.size(), 4096U);
  EXPECT_EQ(summary.tail.substr(0, 5), "line ") << "it begins with a whole line";
  EXPECT_EQ(summary.tail.substr(summary.tail.size() - 10), "line 9999\n");
}

TEST_F(JobFilesTest, ALogThatIsNotThereIsEmpty) {
  DiskJobFiles made(folder);
  EXPECT_EQ(made.summarise("logs/none.log").bytes, 0);
  EXPECT_EQ(made.summarise("logs/none.log").digest, "");
  EXPECT_FALSE(made.head("logs/none.log", 10));
}

TEST_F(JobFilesTest, TheHeadStopsAtItsCap) {
  DiskJobFiles made(folder);
  ASSERT_TRUE(made.write(made.absolute("logs/a.log"), "status 200\nbody"));
  EXPECT_EQ(*made.head("logs/a.log", 6), "status");
  EXPECT_EQ(*made.head("logs/a.log", 600), "status 200\nbody");
}

}  // namespace
}  // namespace runner
