// What is protected behind links, and what only looks so.

#include "runner/store/behind_links.h"

#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class BehindLinksTest : public StoreTest {
 protected:
  BehindLinksTest() {
    put("real/t.sh", "exit 1");
    put("real/sub/u.sh", "exit 1");
    put("src/code", "1");
    put("x", "1");
    link("tests", "real");
    link("again", "tests/../tests");
    link("one.sh", "tests/t.sh");
    link("round", "round");
    link("gone", "nothing/there");
    link("out", "../elsewhere");
    link("host", "/etc");
    link("real/code", "../src/code");
    input_ = take().input;
  }

  void link(const std::string& name, const char* target) {
    ASSERT_EQ(::symlink(target, (project_path() + "/" + name).c_str()), 0);
  }

  std::vector<std::string> behind(const std::vector<std::string>& paths) {
    return must(store_->behind_links(input_, paths));
  }

  std::vector<std::string> beyond(const std::vector<std::string>& paths) {
    std::vector<std::string> lines;
    for (const LinkBeyond& one : must(store_->links_beyond(input_, behind(paths)))) {
      lines.push_back(one.link + " -> " + one.target);
    }
    return lines;
  }

  TreeRef input_;
};

TEST_F(BehindLinksTest, NothingIsAddedWhereThereAreNone) {
  EXPECT_THAT(behind({"real/", "x", "*.lock", "src/**", "never/was"}),
              ElementsAre("real/", "x", "*.lock", "src/**", "never/was"));
}

TEST_F(BehindLinksTest, WhatALinkLeadsToIsAdded) {
  EXPECT_THAT(behind({"tests"}), ElementsAre("tests", "real"));
  EXPECT_THAT(behind({"./tests/"}), ElementsAre("./tests/", "tests", "real"));
  EXPECT_THAT(behind({"tests/t.sh"}), ElementsAre("tests/t.sh", "tests", "real/t.sh"));
  EXPECT_THAT(behind({"tests/not-yet"}), ElementsAre("tests/not-yet", "tests", "real/not-yet"));
  EXPECT_THAT(behind({"one.sh"}), ElementsAre("one.sh", "tests", "real/t.sh"));
  EXPECT_THAT(behind({"gone"}), ElementsAre("gone", "nothing/there"));
}

// Each could be changed to lead elsewhere.
TEST_F(BehindLinksTest, SoAreTheLinksOnTheWay) {
  EXPECT_THAT(behind({"again/t.sh"}), ElementsAre("again/t.sh", "again", "tests", "real/t.sh"));
}

TEST_F(BehindLinksTest, APatternGoesThroughTheFolderThatItNames) {
  EXPECT_THAT(behind({"tests/**"}), ElementsAre("tests/**", "tests", "real/**"));
  EXPECT_THAT(behind({"tests/sub/*.sh"}), ElementsAre("tests/sub/*.sh", "tests", "real/sub/*.sh"));
  EXPECT_THAT(behind({"*.sh", "**/t.sh"}), ElementsAre("*.sh", "**/t.sh"));
}

TEST_F(BehindLinksTest, LinksThatLeadOutOrNowhereAddNothingBeyond) {
  EXPECT_THAT(behind({"out/x", "host", "round"}), ElementsAre("out/x", "host", "round", "out"));
}

TEST_F(BehindLinksTest, LinksBeneathLeadToWhatIsNotProtected) {
  EXPECT_THAT(beyond({"tests"}), ElementsAre("real/code -> src/code"));
  EXPECT_THAT(beyond({"tests", "src"}), IsEmpty());
  EXPECT_THAT(beyond({"tests/t.sh", "tests/sub/**"}), IsEmpty());
  EXPECT_THAT(beyond({"*.sh"}), ElementsAre("one.sh -> real/t.sh"));
  EXPECT_THAT(beyond({"out", "host", "round", "gone"}), IsEmpty());
}

// A check that goes through the link sees what the run began with.
TEST_F(BehindLinksTest, WhatATaskDidBehindALinkIsPutBackAndNotTaken) {
  const auto cheat = [](const std::string& at) { write_file(at + "/real/t.sh", "exit 0"); };
  CaptureRequest left;
  left.protect = behind({"tests"});
  EXPECT_EQ(text(after(input_, cheat, left), "real/t.sh"), "exit 1");

  WorkspaceRequest check;
  check.protect = left.protect;
  check.protect_from = input_;
  EXPECT_EQ(read_text(prepare(after(input_, cheat), check).mount.directory + "/tests/t.sh"),
            "exit 1");
}

}  // namespace
}  // namespace runner::test
