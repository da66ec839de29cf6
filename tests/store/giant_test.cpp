// A file of 1 GiB goes into the store and out again in pieces.

#include <fcntl.h>
#include <sys/resource.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

constexpr std::int64_t kGiant = 1LL << 30;

std::int64_t peak_bytes() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} << 10U;
}

class GiantTest : public StoreTest {};

TEST_F(GiantTest, NeverLiesInMemoryAsAWhole) {
  put("giant", "");
  const std::string path = project_path() + "/giant";
  ASSERT_EQ(::truncate(path.c_str(), kGiant), 0);
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  for (std::int64_t at = 0; at < kGiant; at += 64 << 20) {
    const std::string mark = "mark " + std::to_string(at);
    ASSERT_GT(::pwrite(file.get(), mark.data(), mark.size(), at + 12'345), 0);
  }
  const std::int64_t before = peak_bytes();

  const TreeRef input = take().input;
  const PreparedWorkspace workspace = prepare(input);
  struct stat status {};
  const std::string copy = workspace.mount.directory + "/giant";
  ASSERT_EQ(::stat(copy.c_str(), &status), 0);
  ASSERT_EQ(status.st_size, kGiant);
  write_file(workspace.mount.directory + "/small", "x");
  const Capture result = capture(workspace);

  EXPECT_EQ(std::system(("cmp '" + path + "' '" + copy + "'").c_str()), 0);
  EXPECT_THAT(lines(result.changes), testing::ElementsAre("A small"));
  EXPECT_LT(peak_bytes() - before, 64 << 20);
  EXPECT_EQ(must(store_->read_file(result.tree, "giant", 4))->truncated, true);
}

}  // namespace
}  // namespace runner::test
