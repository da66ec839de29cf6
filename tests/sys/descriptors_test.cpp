#include "runner/sys/descriptors.h"

#include <array>
#include <cstddef>
#include <fcntl.h>
#include <span>
#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace runner::test {
namespace {

class DescriptorsTest : public testing::Test {
 protected:
  DescriptorsTest() {
    std::array<int, 2> both{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both.data()) == 0) {
      ours_ = Fd(both[0]);
      theirs_ = Fd(both[1]);
    }
    if (pipe2(both.data(), O_CLOEXEC) == 0) {
      reading_ = Fd(both[0]);
      writing_ = Fd(both[1]);
    }
  }

  void send(std::span<const int> descriptors) {
    const std::byte byte{7};
    ASSERT_TRUE(send_descriptors(theirs_.get(), std::span(&byte, 1), descriptors, 0));
  }

  Fd ours_;
  Fd theirs_;
  Fd reading_;
  Fd writing_;
};

TEST_F(DescriptorsTest, ArriveInOrderAndAreClosedOnExec) {
  send(std::array{reading_.get(), writing_.get()});
  std::byte byte{};
  const DescriptorMessage message = receive_descriptors(ours_.get(), std::span(&byte, 1), 2, 0);
  EXPECT_EQ(message.size, 1);
  EXPECT_EQ(byte, std::byte{7});
  EXPECT_TRUE(message.is_whole);
  ASSERT_EQ(message.descriptors.size(), 2U);
  EXPECT_EQ(write(message.descriptors[1].get(), "x", 1), 1);
  char text = 0;
  EXPECT_EQ(read(message.descriptors[0].get(), &text, 1), 1);
  EXPECT_EQ(text, 'x');
  EXPECT_EQ(fcntl(message.descriptors[0].get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(DescriptorsTest, TellsThatMoreCameThanThereIsRoomFor) {
  send(std::array{reading_.get(), writing_.get(), reading_.get()});
  std::byte byte{};
  EXPECT_FALSE(receive_descriptors(ours_.get(), std::span(&byte, 1), 1, 0).is_whole);
}

TEST_F(DescriptorsTest, TellsThatNothingHasCome) {
  std::byte byte{};
  const DescriptorMessage message =
      receive_descriptors(ours_.get(), std::span(&byte, 1), 1, MSG_DONTWAIT);
  EXPECT_EQ(message.size, -1);
  EXPECT_TRUE(message.descriptors.empty());
}

}  // namespace
}  // namespace runner::test
