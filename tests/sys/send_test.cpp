#include "runner/sys/send.h"

#include <cerrno>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "runner/sys/fd.h"

namespace runner {
namespace {

struct Pair {
  Pair() {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
  }
  Fd ours;
  Fd theirs;
};

std::string read_all(int fd) {
  std::string all;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0;) {
    all.append(buffer, static_cast<std::size_t>(got));
  }
  return all;
}

TEST(Send, TakesWhatWasSentFromTheBytes) {
  const Pair pair;
  std::string bytes = "verified";
  EXPECT_EQ(send_from(pair.ours.get(), bytes), Sent::All);
  EXPECT_EQ(bytes, "");
  EXPECT_EQ(read_all(pair.theirs.get()), "verified");
}

TEST(Send, KeepsWhatAFullSocketDidNotTake) {
  const Pair pair;
  std::string whole;
  while (whole.size() < (4U << 20U)) {
    whole += std::to_string(whole.size()) + " ";
  }
  std::string bytes = whole;
  std::string got;
  ASSERT_EQ(send_from(pair.ours.get(), bytes), Sent::Blocked);
  EXPECT_LT(bytes.size(), whole.size());
  for (Sent sent = Sent::Blocked; sent == Sent::Blocked;) {
    got += read_all(pair.theirs.get());
    sent = send_from(pair.ours.get(), bytes);
    ASSERT_NE(sent, Sent::Broken);
  }
  got += read_all(pair.theirs.get());
  EXPECT_TRUE(got == whole);
}

TEST(Send, TellsThatNobodyReadsWithoutASignal) {
  Pair pair;
  pair.theirs = Fd();
  std::string bytes = "lost";
  EXPECT_EQ(send_from(pair.ours.get(), bytes), Sent::Broken);
  EXPECT_EQ(errno, EPIPE);
  EXPECT_EQ(bytes, "lost");
}

TEST(Send, NothingIsAllOfNothing) {
  std::string bytes;
  EXPECT_EQ(send_from(-1, bytes), Sent::All);
}

}  // namespace
}  // namespace runner
