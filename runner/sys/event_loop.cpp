#include "runner/sys/event_loop.h"

#include <chrono>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

namespace runner {
namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// One descriptor that is waited for. epoll takes a number only once, so that all watches of it
/// share this.
struct Descriptor {
  Descriptor(asio::io_context& io, int fd) : handle(io, fd) {}
  asio::posix::stream_descriptor handle;
  int watches = 0;
};

/// Shared by the table of watches and by the wait that is under way, so that a callback may end its
/// own watch. `live` turns false in `unwatch`.
struct WatchRecord {
  std::shared_ptr<Descriptor> descriptor;
  int fd;
  asio::posix::stream_descriptor::wait_type direction;
  std::function<void()> ready;
  bool live = true;
};

void wait_again(const std::shared_ptr<WatchRecord>& watch) {
  watch->descriptor->handle.async_wait(watch->direction, [watch](const error_code& error) {
    if (!watch->live) {
      return;
    }
    // Aborted: another watch of the same descriptor ended. Any other error means that it cannot be
    // waited for (a regular file): then it never blocks, and whoever reads it sees its end.
    if (error != asio::error::operation_aborted) {
      watch->ready();
    }
    if (watch->live) {
      wait_again(watch);
    }
  });
}

std::chrono::milliseconds to_chrono(dsl::Duration duration) {
  return std::chrono::milliseconds(duration.ms);
}

}  // namespace

struct EventLoop::Impl {
  explicit Impl(unsigned worker_count) : workers(worker_count) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  ~Impl() {
    if (pool) {
      pool->join();
    }
    // What callbacks hold may end further watches and timers while it is destroyed: hence the
    // tables are emptied first, and outlive `io`.
    while (!watches.empty()) {
      end_watch(watches.begin()->first);
    }
    const auto last_timers = std::move(timers);
    timers.clear();
    signals.clear();
  }

  const unsigned workers;
  std::uint64_t next_id = 1;
  std::unordered_map<int, std::shared_ptr<Descriptor>> descriptors;
  std::unordered_map<Watch, std::shared_ptr<WatchRecord>> watches;
  std::unordered_map<Timer, std::unique_ptr<asio::steady_timer>> timers;
  std::vector<std::shared_ptr<asio::signal_set>> signals;

  asio::io_context io{1};  // one thread runs it; posting stays possible from any
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::optional<asio::thread_pool> pool;

  Watch start_watch(int fd,
                    asio::posix::stream_descriptor::wait_type direction,
                    std::function<void()> ready) {
    auto& descriptor = descriptors[fd];
    if (!descriptor) {
      descriptor = std::make_shared<Descriptor>(io, fd);
    }
    ++descriptor->watches;
    const Watch id = next_id++;
    auto record =
        std::make_shared<WatchRecord>(WatchRecord{descriptor, fd, direction, std::move(ready)});
    watches.emplace(id, record);
    wait_again(record);
    return id;
  }

  void end_watch(Watch id) {
    const auto found = watches.find(id);
    if (found == watches.end()) {
      return;
    }
    const auto record = std::move(found->second);
    watches.erase(found);
    record->live = false;
    if (--record->descriptor->watches > 0) {
      record->descriptor->handle.cancel();
      return;
    }
    record->descriptor->handle.release();  // it belongs to the caller: let go, do not close
    descriptors.erase(record->fd);
  }
};

EventLoop::EventLoop(unsigned workers) : impl_(std::make_unique<Impl>(workers)) {}
EventLoop::~EventLoop() = default;

void EventLoop::run() {
  impl_->io.restart();
  impl_->io.run();
}

void EventLoop::stop() {
  impl_->io.stop();
}

void EventLoop::run_for(dsl::Duration wait) {
  impl_->io.restart();
  if (impl_->io.run_one_for(to_chrono(wait)) > 0) {
    impl_->io.poll();
  }
}

void EventLoop::post(std::function<void()> then) {
  asio::post(impl_->io, std::move(then));
}

void EventLoop::run_blocking(std::function<void()> work, std::function<void()> then) {
  if (!impl_->pool) {
    impl_->pool.emplace(impl_->workers);
  }
  asio::post(*impl_->pool, [this, work = std::move(work), then = std::move(then)]() mutable {
    work();
    asio::post(impl_->io, std::move(then));
  });
}

struct EventLoop::Lane::Thread {
  asio::thread_pool pool{1};
};

EventLoop::Lane::Lane(EventLoop& loop) : loop_(loop), thread_(std::make_unique<Thread>()) {}

EventLoop::Lane::~Lane() {
  thread_->pool.join();
}

void EventLoop::Lane::run(std::function<void()> work, std::function<void()> then) {
  asio::post(thread_->pool, [this, work = std::move(work), then = std::move(then)]() mutable {
    work();
    loop_.post(std::move(then));
  });
}

EventLoop::Watch EventLoop::watch_readable(int fd, std::function<void()> ready) {
  return impl_->start_watch(fd, asio::posix::stream_descriptor::wait_read, std::move(ready));
}

EventLoop::Watch EventLoop::watch_writable(int fd, std::function<void()> ready) {
  return impl_->start_watch(fd, asio::posix::stream_descriptor::wait_write, std::move(ready));
}

void EventLoop::unwatch(Watch watch) {
  impl_->end_watch(watch);
}

EventLoop::Timer EventLoop::start_timer(dsl::Duration delay, std::function<void()> then) {
  const Timer id = impl_->next_id++;
  auto timer = std::make_unique<asio::steady_timer>(impl_->io, to_chrono(delay));
  timer->async_wait([this, id, then = std::move(then)](const error_code&) {
    // Cancelled after it had expired but before this call: the table knows, the code does not.
    if (impl_->timers.erase(id) > 0) {
      then();
    }
  });
  impl_->timers.emplace(id, std::move(timer));
  return id;
}

void EventLoop::cancel_timer(Timer timer) {
  impl_->timers.erase(timer);
}

namespace {

void wait_for_signal(const std::shared_ptr<asio::signal_set>& set,
                     const std::shared_ptr<std::function<void(int)>>& then) {
  set->async_wait([set, then](const error_code& error, int number) {
    if (error) {
      return;
    }
    (*then)(number);
    wait_for_signal(set, then);
  });
}

}  // namespace

void EventLoop::on_signal(int number, std::function<void(int)> then) {
  auto set = std::make_shared<asio::signal_set>(impl_->io, number);
  impl_->signals.push_back(set);
  wait_for_signal(set, std::make_shared<std::function<void(int)>>(std::move(then)));
}

std::int64_t EventLoop::monotonic_ms() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t EventLoop::wall_ms() const {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

void EventLoop::after(dsl::Duration delay, std::function<void()> then) {
  if (delay.ms <= 0) {
    post(std::move(then));
    return;
  }
  start_timer(delay, std::move(then));
}

}  // namespace runner
