#include "runner/sys/mount_view.h"

#include <algorithm>
#include <csignal>
#include <fstream>
#include <optional>
#include <sched.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runner/sys/process.h"
#include "tests/support/temp_folder.h"

namespace runner {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

std::vector<std::string> mounts_of_this_thread() {
  std::ifstream table("/proc/thread-self/mountinfo");
  std::vector<std::string> points;
  for (std::string line; std::getline(table, line);) {
    std::istringstream fields(line);
    std::string point;
    for (int i = 0; i < 5; ++i) {
      fields >> point;
    }
    points.push_back(point);
  }
  return points;
}

class MountViewTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) {
      GTEST_SKIP() << "a mount namespace takes root";
    }
  }
  static std::vector<std::string> mounts_in(MountView& view) {
    std::vector<std::string> points;
    view.run([&] { points = mounts_of_this_thread(); });
    return points;
  }
};

TEST_F(MountViewTest, HasWhatIsNeededAndNothingElse) {
  ASSERT_THAT(mounts_of_this_thread(), IsSupersetOf({"/", "/proc", "/sys", "/dev"}));
  const auto view = MountView::make({"/proc", "/dev/null"});
  ASSERT_NE(view, nullptr);
  EXPECT_THAT(mounts_in(*view),
              AllOf(IsSupersetOf({"/", "/proc", "/dev"}),
                    Not(Contains("/sys")),
                    Not(Contains(testing::StartsWith("/sys/"))),
                    Not(Contains("/dev/shm"))));
  EXPECT_THAT(mounts_of_this_thread(), Contains("/sys")) << "only the view is without it";
}

TEST_F(MountViewTest, KeepsWhatIsMountedBeneathAndFollowsLinks) {
  const test::TempFolder folder;
  test::write_file(folder / "a b/deep/file", "covered");
  test::write_file(folder / "other/file", "covered");
  ASSERT_EQ(symlink("a b", (folder / "link").c_str()), 0);
  // In a namespace of the test's own, so that nothing is left of it.
  const pid_t child = fork();
  if (child == 0) {
    const auto put = [](const std::string& target) {
      return mount("none", target.c_str(), "tmpfs", 0, nullptr) == 0;
    };
    bool good = unshare(CLONE_NEWNS) == 0 &&
                mount("none", "/", nullptr, MS_PRIVATE | MS_REC, nullptr) == 0 &&
                put(folder / "a b/deep") && put(folder / "other");
    const auto view = MountView::make({"/proc", folder / "link"});
    good = good && view != nullptr && view->shows(folder / "link/deep");
    if (good) {
      view->run([&] {
        good = !test::exists(folder / "a b/deep/file") && test::exists(folder / "other/file");
      });
    }
    _exit(good ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(MountViewTest, IsWhereAProgramStartsAndIsToldOf) {
  const auto view = MountView::make({"/proc", "/usr"});
  ASSERT_NE(view, nullptr);
  SpawnRequest request;
  request.argv = {"cat", "/proc/self/mountinfo"};
  request.view = view.get();
  EventLoop loop;
  std::optional<dsl::Result<Finished>> finished;
  run_to_end(loop, request, {30'000}, 1 << 20, [&](dsl::Result<Finished> result) {
    finished = std::move(result);
    loop.stop();
  });
  loop.run();
  ASSERT_TRUE(*finished);
  EXPECT_TRUE((*finished)->ok());
  EXPECT_THAT((*finished)->out, AllOf(HasSubstr(" /proc "), Not(HasSubstr(" /sys "))));

  request.argv = {"no-such-program"};
  const auto none = Process::spawn(loop, request, [](int) {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("start 'no-such-program'"));
}

TEST_F(MountViewTest, ItsEndIsTheEndOfWhoWantsToDieWithItsParent) {
  auto view = MountView::make({"/proc", "/usr"});
  ASSERT_NE(view, nullptr);
  SpawnRequest request;
  request.argv = {"setpriv", "--pdeathsig", "KILL", "sh", "-c", "echo; exec sleep 100"};
  request.view = view.get();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  request.descriptors = {{ends[1], STDOUT_FILENO}};
  EventLoop loop;
  std::optional<int> ended;
  const auto process = Process::spawn(loop, request, [&](int status) {
    ended = status;
    loop.stop();
  });
  ASSERT_TRUE(process);
  char byte = 0;
  ASSERT_EQ(read(ends[0], &byte, 1), 1);  // it has asked for the signal
  view.reset();
  loop.run();
  EXPECT_EQ(*ended, W_EXITCODE(0, SIGKILL));
  close(ends[0]);
  close(ends[1]);
}

TEST_F(MountViewTest, IsNoneForWhoMayNotMakeOne) {
  ASSERT_EQ(seteuid(65534), 0);
  const auto view = MountView::make({"/proc"});
  ASSERT_EQ(seteuid(0), 0);
  EXPECT_EQ(view, nullptr);
}

TEST_F(MountViewTest, ShowsWhatIsNeededAndBeneathIt) {
  const auto view = MountView::make({"/proc", "/usr"});
  ASSERT_NE(view, nullptr);
  EXPECT_TRUE(view->shows("/usr"));
  EXPECT_TRUE(view->shows("/usr/lib"));
  EXPECT_FALSE(view->shows("/usrlocal"));
  EXPECT_FALSE(view->shows("/"));
  EXPECT_FALSE(view->shows("/sys/fs/cgroup"));
}

}  // namespace
}  // namespace runner
