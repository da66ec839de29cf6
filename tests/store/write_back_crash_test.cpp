// Writing a result back survives being killed at any moment: doing it again completes it.

#include <csignal>
#include <sys/wait.h>

#include <gtest/gtest.h>

#include "tests/store/store_fixture.h"

namespace runner::test {
namespace {

class WriteBackCrashTest : public StoreTest {};

TEST_F(WriteBackCrashTest, ASecondAttemptCompletesTheFirst) {
  constexpr int kFiles = 60;
  for (int i = 0; i < kFiles; ++i) {
    put("d" + std::to_string(i % 7) + "/f" + std::to_string(i), "old " + std::to_string(i));
  }
  const Project project = take();
  const TreeRef result = after(project.input, [](const std::string& at) {
    for (int i = 0; i < kFiles; ++i) {
      const std::string path = at + "/d" + std::to_string(i % 7) + "/f" + std::to_string(i);
      if (i % 3 == 0) {
        ::unlink(path.c_str());
      } else {
        write_file(path, "new " + std::to_string(i));
      }
    }
    static_cast<void>(files::remove_tree(at + "/d6"));
    write_file(at + "/d6", "a file now");
  });

  int killed = 0;
  for (int delay_us = 200; delay_us < 40'000; delay_us += delay_us / 4) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(write_back(*store_, project, result) ? 0 : 1);
    }
    ::usleep(static_cast<useconds_t>(delay_us));
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    killed += WIFSIGNALED(status) ? 1 : 0;
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "refused after a kill";
  }
  EXPECT_GT(killed, 0);

  EXPECT_EQ(must(deliver(*store_, project, "", result)), "folder '" + project_path() + "'");

  EXPECT_TRUE(changes(take().input, result).empty());
  EXPECT_EQ(read_text(project_path() + "/d6"), "a file now");
  EXPECT_EQ(git(project_path(),
                "--version > /dev/null; cd " + project_path() + "; find . -name '.pipe-new-*'"),
            "");
}

}  // namespace
}  // namespace runner::test
