#include "runner/sys/unnamed_files.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <string>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "tests/support/temp_folder.h"

namespace runner::test {
namespace {

constexpr std::int64_t kBytes = 4 << 20;

/// Open, written and removed.
Fd unnamed(const TempFolder& folder) {
  const std::string path = folder / "gone";
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  EXPECT_TRUE(files::write_all(file.get(), std::string(kBytes, 'x')));
  EXPECT_EQ(::fsync(file.get()), 0);
  EXPECT_EQ(::unlink(path.c_str()), 0);
  return file;
}

bool is_on_disk(const TempFolder& folder) {
  struct statfs system {};
  return ::statfs(folder.path().c_str(), &system) == 0 && system.f_type != TMPFS_MAGIC;
}

TEST(UnnamedFiles, CountOnceHoweverManyHoldThem) {
  const TempFolder folder;
  const std::int64_t before = unnamed_bytes(::getpid());
  const Fd file = unnamed(folder);
  const Fd again(::dup(file.get()));
  const std::int64_t held = unnamed_bytes(::getpid()) - before;
  if (is_on_disk(folder)) {
    EXPECT_GE(held, kBytes);
    EXPECT_LT(held, 2 * kBytes);
  } else {
    EXPECT_EQ(held, 0) << "what is in memory takes no disk";
  }
}

TEST(UnnamedFiles, OfAChildCountForItsParent) {
  const TempFolder folder;
  const std::int64_t before = unnamed_bytes(::getpid());
  int told[2];
  ASSERT_EQ(::pipe2(told, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string path = folder / "gone";
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    const bool written = ::posix_fallocate(file, 0, kBytes) == 0 && ::unlink(path.c_str()) == 0;
    static_cast<void>(!::write(told[1], written ? "y" : "n", 1));
    ::pause();
    ::_exit(0);
  }
  char answer = 0;
  EXPECT_EQ(::read(told[0], &answer, 1), 1);
  EXPECT_EQ(answer, 'y');
  EXPECT_GE(unnamed_bytes(::getpid()) - before, is_on_disk(folder) ? kBytes : 0);
  EXPECT_GE(unnamed_bytes(child), is_on_disk(folder) ? kBytes : 0);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(told[0]);
  ::close(told[1]);
  EXPECT_EQ(unnamed_bytes(::getpid()), before);
}

TEST(UnnamedFiles, InMemoryTakeNoDisk) {
  const std::int64_t before = unnamed_bytes(::getpid());
  const Fd memory(::memfd_create("x", MFD_CLOEXEC));
  ASSERT_TRUE(files::write_all(memory.get(), std::string(kBytes, 'x')));
  EXPECT_EQ(unnamed_bytes(::getpid()), before);
}

}  // namespace
}  // namespace runner::test
