#include "runner/engine/installed_software.h"

#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

class InstalledSoftware : public testing::Test {
 protected:
  std::string stamps(std::size_t most = 1000) const {
    dsl::Sha256 digest;
    add_stamps_beneath(folder_.path(), most, digest);
    return digest.finish();
  }

  TempFolder folder_;
};

TEST_F(InstalledSoftware, IsSeenHoweverDeepItLies) {
  write_file(folder_ / "tool/1.2/lib/node_modules/tool/cli.js", "one");
  const std::string before = stamps();
  EXPECT_EQ(stamps(), before);
  write_file(folder_ / "tool/1.2/lib/node_modules/tool/cli.js", "another");
  EXPECT_NE(stamps(), before);
}

TEST_F(InstalledSoftware, WhatMayBeExecutedIsSeen) {
  write_file(folder_ / "bin/tool", "one");
  const std::string before = stamps();
  ASSERT_EQ(::chmod((folder_ / "bin/tool").c_str(), 0755), 0);
  EXPECT_NE(stamps(), before);
}

TEST_F(InstalledSoftware, OfMoreThanCanBeLookedAtTheTopIsSeen) {
  for (int i = 0; i < 20; ++i) {
    write_file(folder_ / ("a/many/" + std::to_string(i)), "x");
  }
  write_file(folder_ / "a/many/deeper/file", "one");
  write_file(folder_ / "z/tool", "one");
  const std::string before = stamps(10);
  write_file(folder_ / "a/many/deeper/file", "another");
  EXPECT_EQ(stamps(10), before);
  EXPECT_NE(stamps(1000), before);
  write_file(folder_ / "z/tool", "another");
  EXPECT_NE(stamps(10), before) << "nearer to the top than what was not looked at";
}

TEST_F(InstalledSoftware, OfThisMachineHasADigest) {
  EXPECT_THAT(installed_software_digest(), testing::MatchesRegex("sha256:[0-9a-f]{64}"));
  EXPECT_EQ(installed_software_digest(), installed_software_digest()) << "as often as it is asked";
}

}  // namespace
}  // namespace runner::test
