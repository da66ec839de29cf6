// pipe review: what a run changed on a terminal, and what a person makes of it.

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <poll.h>
#include <pty.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/git_run.h"

namespace e2e {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A program with a terminal of its own, on which somebody types; killed by the destructor.
class OnTerminal {
 public:
  explicit OnTerminal(const Start& start) {
    std::vector<char*> argv;
    for (const std::string& word : start.argv) {
      argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    pid_ = ::forkpty(&terminal_, nullptr, nullptr, nullptr);
    if (pid_ == 0) {
      for (const auto& [name, value] : start.env) {
        ::setenv(name.c_str(), value.c_str(), 1);
      }
      ::setenv("TERM", "xterm", 1);
      ::unsetenv("NO_COLOR");
      if (::chdir(start.folder.c_str()) == 0) {
        ::execv(argv[0], argv.data());
      }
      ::_exit(127);
    }
  }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;
  ~OnTerminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(terminal_);
  }

  /// Whether it comes to show the text, after what was typed last.
  bool shows(const std::string& text) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (seen_.find(text, typed_at_) == std::string::npos) {
      if (std::chrono::steady_clock::now() > end || !read_more()) {
        return false;
      }
    }
    return true;
  }
  void type(const std::string& line) {
    typed_at_ = seen_.size();
    const std::string text = line + "\n";
    ASSERT_EQ(::write(terminal_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// Its exit code.
  int wait() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  [[nodiscard]] const std::string& seen() const { return seen_; }

 private:
  bool read_more() {
    pollfd ready{terminal_, POLLIN, 0};
    if (::poll(&ready, 1, 60'000) <= 0) {
      return false;
    }
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(terminal_, buffer.data(), buffer.size());
    if (got <= 0) {
      return false;  // EIO: nobody has the other end any more
    }
    seen_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  pid_t pid_ = -1;
  int terminal_ = -1;
  std::string seen_;
  std::size_t typed_at_ = 0;
};

class Review : public GitRun {
 protected:
  Start review() { return user_.pipe({"review", "r"}, folder()); }
};

TEST_F(Review, ShowsTheChangesInColourAndLeavesThemWhereNothingIsChosen) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  OnTerminal terminal(review());
  ASSERT_TRUE(terminal.shows("what now?")) << terminal.seen();
  EXPECT_THAT(terminal.seen(),
              AllOf(HasSubstr("\x1b["), HasSubstr("first: work of phase main"), HasSubstr("+2")));
  terminal.type("perhaps");
  ASSERT_TRUE(terminal.shows("what now?")) << "it asks again";
  terminal.type("exit");
  EXPECT_EQ(terminal.wait(), 0);
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)", "pipe/*"}, folder()),
            "pipe/p/r");
}

TEST_F(Review, PushesAndTakesBack) {
  const std::string remote = outside_.path().string() + "/remote.git";
  user_.git({"init", "-q", "--bare", remote}, folder());
  user_.git({"remote", "add", "origin", remote}, folder());
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  OnTerminal pushing(review());
  ASSERT_TRUE(pushing.shows("what now?")) << pushing.seen();
  pushing.type("p");
  EXPECT_EQ(pushing.wait(), 0) << pushing.seen();
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)"}, remote), "pipe/p/r");

  OnTerminal rejecting(review());
  ASSERT_TRUE(rejecting.shows("what now?")) << rejecting.seen();
  rejecting.type("reject");
  ASSERT_TRUE(rejecting.shows("why is it taken out?")) << rejecting.seen();
  rejecting.type("it says nothing new");
  EXPECT_EQ(rejecting.wait(), 0) << rejecting.seen();
  EXPECT_EQ(user_.git({"branch", "--list", "pipe/*"}, folder()), "");
  EXPECT_THAT(pipe({"show", "r"}).out, HasSubstr("because it says nothing new"));

  OnTerminal after(review());
  EXPECT_EQ(after.wait(), 0);
  EXPECT_THAT(after.seen(), Not(HasSubstr("what now?"))) << "there is nothing left to decide";
}

TEST_F(Review, PushesAndOpensAPullRequest) {
  const std::string remote = outside_.path().string() + "/remote.git";
  user_.git({"init", "-q", "--bare", remote}, folder());
  user_.git({"remote", "add", "origin", remote}, folder());
  const std::string said = outside_.path().string() + "/gh.log";
  std::filesystem::permissions(
      outside_.write("bin/gh",
                     "#!/bin/sh\nprintf '%s\\n' \"$*\" >> " + said +
                         "\ncase \"$1 $2\" in\n  'pr list') echo '[]';;\n"
                         "  'pr create') echo https://x.example/1;;\nesac\n"),
      std::filesystem::perms(0755));
  user_.env["PATH"] = outside_.path().string() + "/bin:" + std::getenv("PATH");
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  OnTerminal terminal(review());
  ASSERT_TRUE(terminal.shows("what now?")) << terminal.seen();
  terminal.type("open");
  EXPECT_EQ(terminal.wait(), 0) << terminal.seen();
  EXPECT_EQ(user_.git({"branch", "--list", "--format=%(refname:short)"}, remote), "pipe/p/r");
  EXPECT_THAT(read_text(said), HasSubstr("pr create"));
  EXPECT_THAT(terminal.seen(), HasSubstr("https://x.example/1"));
}

TEST_F(Review, GoesOnWithAPrompt) {
  outside_.write(
      "fake.yaml",
      "name: fake\nrun: cat \"$PIPE_PROMPT\" >> notes.txt\nagent: {prompt: first note}\n");
  ASSERT_EQ(run("tasks: {write: {uses: ./fake.yaml}}\n").exit_code, 0);
  OnTerminal terminal(review());
  ASSERT_TRUE(terminal.shows("what now?")) << terminal.seen();
  terminal.type("c");
  ASSERT_TRUE(terminal.shows("what is it to do now?")) << terminal.seen();
  terminal.type("second note");
  EXPECT_EQ(terminal.wait(), 0) << terminal.seen();
  const std::string above = user_.git(
      {"for-each-ref", "--contains=pipe/p/r", "--format=%(refname:short)", "refs/heads"}, folder());
  EXPECT_EQ(std::count(above.begin(), above.end(), '\n'), 1) << "the run and one on top:\n"
                                                             << above;
}

TEST_F(Review, WithoutATerminalSaysWhatToDoInstead) {
  ASSERT_EQ(run(kTwoTasks).exit_code, 0);
  const Ended refused = pipe({"review", "r"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("there is no terminal"),
                    HasSubstr("pipe diff r"),
                    HasSubstr("pipe push r"),
                    HasSubstr("pipe undo r")));
}

}  // namespace
}  // namespace e2e
