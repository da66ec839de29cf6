// As gtest's own, but PIPE_TEST_UID=1000 makes it an ordinary user first, so that the suite runs as
// both on a machine where the tests are root.

#include <cstdio>
#include <cstdlib>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <gtest/gtest.h>

int main(int argc, char** argv) {
  if (const char* const uid = std::getenv("PIPE_TEST_UID")) {
    if (geteuid() != 0) {
      std::puts("SKIPPED: only root can become another user");
      return 0;
    }
    const auto id = static_cast<uid_t>(std::atoi(uid));
    if (setgroups(0, nullptr) != 0 || setresgid(id, id, id) != 0 || setresuid(id, id, id) != 0) {
      std::perror("become another user");
      return 1;
    }
    prctl(PR_SET_DUMPABLE, 1);  // our own /proc/self stays ours
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
