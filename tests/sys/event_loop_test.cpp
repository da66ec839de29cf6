#include "runner/sys/event_loop.h"

#include <array>
#include <csignal>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include <gtest/gtest.h>

namespace runner {
namespace {

constexpr dsl::Duration kDeadline{10'000};

/// Two ends of a pipe, closed at the end of the test.
struct Pipe {
  Pipe() { EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0); }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    close(ends[0]);
    close(ends[1]);
  }
  void write(char byte) const { EXPECT_EQ(::write(ends[1], &byte, 1), 1); }
  [[nodiscard]] char read() const {
    char byte = 0;
    EXPECT_EQ(::read(ends[0], &byte, 1), 1);
    return byte;
  }
  std::array<int, 2> ends{};
};

TEST(EventLoop, CallsTimersInOrderOfTheirTimeAndNotOfTheirStart) {
  EventLoop loop;
  std::string order;
  loop.start_timer({30}, [&] {
    order += 'c';
    loop.stop();
  });
  loop.start_timer({1}, [&] { order += 'a'; });
  loop.after({10}, [&] { order += 'b'; });
  loop.run();
  EXPECT_EQ(order, "abc");
}

TEST(EventLoop, DoesNotCallATimerThatWasCancelled) {
  EventLoop loop;
  bool called = false;
  const auto timer = loop.start_timer({1}, [&] { called = true; });
  loop.start_timer({20}, [&] { loop.stop(); });
  loop.cancel_timer(timer);
  loop.run();
  EXPECT_FALSE(called);
}

TEST(EventLoop, DoesNotCallATimerThatAnotherOfTheSameInstantCancelled) {
  EventLoop loop;
  int called = 0;
  EventLoop::Timer first = 0;
  EventLoop::Timer second = 0;
  first = loop.start_timer({1}, [&] { ++called, loop.cancel_timer(second); });
  second = loop.start_timer({1}, [&] { ++called, loop.cancel_timer(first); });
  loop.start_timer({20}, [&] { loop.stop(); });
  loop.run();
  EXPECT_EQ(called, 1);
}

TEST(EventLoop, NeverCallsBackInsideTheCallThatRegistered) {
  EventLoop loop;
  int inside = 0;
  const Pipe pipe;
  pipe.write('x');
  loop.post([&] { ++inside; });
  const auto watch = loop.watch_readable(pipe.ends[0], [&] { ++inside; });
  loop.run_blocking([] {}, [&] { ++inside; });
  EXPECT_EQ(inside, 0);
  loop.unwatch(watch);
}

TEST(EventLoop, TellsOfReadinessUntilTheBytesWereTaken) {
  EventLoop loop;
  const Pipe pipe;
  std::string read;
  pipe.write('a');
  pipe.write('b');
  pipe.write('c');
  EventLoop::Watch watch = 0;
  watch = loop.watch_readable(pipe.ends[0], [&] {
    read += pipe.read();
    if (read.size() == 3) {
      loop.unwatch(watch);
      loop.stop();
    }
  });
  loop.run();
  EXPECT_EQ(read, "abc");
}

TEST(EventLoop, LeavesADescriptorOpenWhenItsWatchEndsOrTheLoopGoes) {
  const Pipe pipe;
  {
    EventLoop loop;
    loop.unwatch(loop.watch_readable(pipe.ends[0], [] {}));
    loop.watch_readable(pipe.ends[0], [] {});
  }
  pipe.write('x');
  EXPECT_EQ(pipe.read(), 'x');
}

TEST(EventLoop, WatchesOneDescriptorInBothDirections) {
  std::array<int, 2> ends{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  EventLoop loop;
  bool readable = false;
  EventLoop::Watch write_watch = 0;
  loop.watch_readable(ends[0], [&] {
    readable = true;
    loop.stop();
  });
  write_watch = loop.watch_writable(ends[0], [&] {
    loop.unwatch(write_watch);  // must not disturb the other watch
    EXPECT_FALSE(readable);
    EXPECT_EQ(write(ends[1], "x", 1), 1);
  });
  loop.run();
  EXPECT_TRUE(readable);
  close(ends[0]);
  close(ends[1]);
}

TEST(EventLoop, WorksOnAPoolThreadAndCallsBackOnTheLoopThread) {
  EventLoop loop;
  const auto loop_thread = std::this_thread::get_id();
  std::thread::id worked;
  std::thread::id told;
  loop.run_blocking([&] { worked = std::this_thread::get_id(); },
                    [&] {
                      told = std::this_thread::get_id();
                      loop.stop();
                    });
  loop.run();
  EXPECT_NE(worked, loop_thread);
  EXPECT_EQ(told, loop_thread);
}

TEST(EventLoop, TellsOfEveryArrivalOfASignal) {
  EventLoop loop;
  int arrivals = 0;
  loop.on_signal(SIGUSR1, [&](int number) {
    EXPECT_EQ(number, SIGUSR1);
    if (++arrivals == 2) {
      loop.stop();
    } else {
      raise(SIGUSR1);
    }
  });
  loop.post([] { raise(SIGUSR1); });
  loop.run();
  EXPECT_EQ(arrivals, 2);
}

TEST(EventLoop, OneRoundCallsWhatIsDueAndReturns) {
  EventLoop loop;
  int called = 0;
  loop.post([&] { ++called; });
  loop.post([&] { ++called; });
  loop.run_for(kDeadline);
  EXPECT_EQ(called, 2);
}

TEST(EventLoop, EndsWhatACallbackHoldsWhenTheLoopGoes) {
  // The held object ends a watch and a timer of the loop that is going away.
  struct Holder {
    EventLoop& loop;
    EventLoop::Watch watch;
    EventLoop::Timer timer;
    int& ended;
    ~Holder() {
      loop.unwatch(watch);
      loop.cancel_timer(timer);
      ++ended;
    }
  };
  const Pipe pipe;
  int ended = 0;
  {
    EventLoop loop;
    auto holder = std::make_shared<Holder>(Holder{
        loop, loop.watch_readable(pipe.ends[0], [] {}), loop.start_timer(kDeadline, [] {}), ended});
    ended = 0;  // the temporary above counted too
    loop.watch_writable(pipe.ends[1], [holder] {});
    loop.start_timer(kDeadline, [holder] {});
    loop.post([holder] {});
  }
  EXPECT_EQ(ended, 1);
}

}  // namespace
}  // namespace runner
