#include "runner/engine/root_filesystem.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

using testing::HasSubstr;

class RootFilesystem : public testing::Test {
 protected:
  RootFilesystem() {
    write_file(folder_ / "rootfs/bin/hello", "one", 0755);
    write_file(folder_ / "rootfs/etc/conf", "1");
  }

  std::string digest_of(const std::string& name) {
    const auto opened = open_root_filesystem(folder_ / "state", folder_ / name);
    EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
    return opened ? opened->digest : "";
  }

  /// As every reproducible build clamps it.
  void set_time(const std::string& name) {
    const timespec times[] = {{1'000, 0}, {1'000, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (folder_ / name).c_str(), times, 0), 0);
  }

  TempFolder folder_;
};

TEST_F(RootFilesystem, IsKnownByWhatItHolds) {
  const std::string before = digest_of("rootfs");
  EXPECT_THAT(before, testing::StartsWith("sha256:"));
  EXPECT_EQ(digest_of("rootfs"), before);

  write_file(folder_ / "rootfs/bin/hello", "longer", 0755);
  EXPECT_NE(digest_of("rootfs"), before);

  write_file(folder_ / "rootfs/bin/hello", "one", 0755);
  EXPECT_EQ(digest_of("rootfs"), before);

  write_file(folder_ / "other/bin/hello", "one", 0755);
  write_file(folder_ / "other/etc/conf", "1");
  EXPECT_EQ(digest_of("other"), before) << "unpacked elsewhere and later";
}

// Of the same size and the same time: the stamps that a folder of files keeps are not enough.
TEST_F(RootFilesystem, AChangeThatKeepsSizeAndTimeIsSeen) {
  set_time("rootfs/etc/conf");
  const std::string before = digest_of("rootfs");
  write_file(folder_ / "rootfs/etc/conf", "2");
  set_time("rootfs/etc/conf");
  EXPECT_NE(digest_of("rootfs"), before);
}

TEST_F(RootFilesystem, ModesAndLinksCount) {
  ASSERT_EQ(::symlink("hello", (folder_ / "rootfs/bin/link").c_str()), 0);
  const std::string before = digest_of("rootfs");
  ASSERT_EQ(::unlink((folder_ / "rootfs/bin/link").c_str()), 0);
  ASSERT_EQ(::symlink("other", (folder_ / "rootfs/bin/link").c_str()), 0);
  const std::string linked = digest_of("rootfs");
  EXPECT_NE(linked, before);
  ASSERT_EQ(::chmod((folder_ / "rootfs/bin/hello").c_str(), 0644), 0);
  EXPECT_NE(digest_of("rootfs"), linked);
}

TEST_F(RootFilesystem, WhatIsNoFolderIsTold) {
  const auto opened = open_root_filesystem(folder_ / "state", folder_ / "none");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("is no folder"));
}

}  // namespace
}  // namespace runner::test
