#include "runner/sys/locks.h"

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner {
namespace {

using How = FileLock::How;

TEST(FileLock, IsExclusiveUntilItsOwnerLetsGo) {
  const test::TempFolder temp;
  auto first = FileLock::try_take(temp / "lock", How::Exclusive);
  ASSERT_TRUE(first && *first);

  EXPECT_FALSE(FileLock::try_take(temp / "lock", How::Exclusive)->has_value());
  EXPECT_FALSE(FileLock::try_take(temp / "lock", How::Shared)->has_value());

  first->reset();
  EXPECT_TRUE(FileLock::try_take(temp / "lock", How::Exclusive)->has_value());
}

TEST(LockSet, SharesWithOthersAndKeepsExclusiveOnesOut) {
  const test::TempFolder temp;
  {
    LockSet ours;
    LockSet theirs;
    EXPECT_TRUE(ours.hold(temp / "lock"));
    EXPECT_TRUE(ours.hold(temp / "lock"));
    EXPECT_TRUE(theirs.hold(temp / "lock"));
    EXPECT_FALSE(FileLock::try_take(temp / "lock", How::Exclusive)->has_value());
  }
  EXPECT_TRUE(FileLock::try_take(temp / "lock", How::Exclusive)->has_value());
}

}  // namespace
}  // namespace runner
