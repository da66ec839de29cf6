#include "runner/net/count_exchange.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

#include "runner/sys/send.h"

namespace runner {

namespace {

constexpr int kOk = 200;

}  // namespace

CountExchange::CountExchange(EventLoop& loop, Line line, Done done)
    : loop_(loop),
      done_(std::move(done)),
      line_(std::move(line)),
      reader_(HttpReader::Kind::Answers,
              {[this](const HttpMessageHead& head) {
                 status_ = head.status;
                 keeps_alive_ = head.keeps_alive;
               },
               [this](std::string_view bytes) {
                 if (answer_.size() + bytes.size() <= kMostAnswer) {
                   answer_ += bytes;
                 }
               }}) {}

CountExchange::~CountExchange() {
  stop_waiting();
  cut();
}

void CountExchange::start(std::string request) {
  request_ = std::move(request);
  timer_ = loop_.start_timer(kLongest, [self = weak_from_this()] {
    if (const auto alive = self.lock()) {
      alive->timer_ = 0;
      alive->end(false);
    }
  });
  read_watch_ = loop_.watch_readable(line_.end.get(), [self = weak_from_this()] {
    if (const auto alive = self.lock()) {
      alive->receive();
    }
  });
  send();
}

void CountExchange::send() {
  if (send_from(line_.end.get(), request_) == Sent::Blocked) {
    if (write_watch_ == 0) {
      write_watch_ = loop_.watch_writable(line_.end.get(), [self = weak_from_this()] {
        if (const auto alive = self.lock()) {
          alive->send();
        }
      });
    }
  } else if (write_watch_ != 0) {
    loop_.unwatch(std::exchange(write_watch_, 0));  // where it is broken, its end is read soon
  }
}

void CountExchange::receive() {
  static std::array<char, 16 << 10> buffer;  // one for all: loop thread, and nothing is kept in it
  const ssize_t got = recv(line_.end.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got <= 0) {
    end(reader_.end() == HttpReader::State::Whole);
    return;
  }
  unread_.append(buffer.data(), static_cast<std::size_t>(got));
  unread_.erase(0, reader_.read(unread_));
  if (reader_.state() != HttpReader::State::More) {
    end(reader_.state() == HttpReader::State::Whole);
  }
}

void CountExchange::end(bool is_answered) {
  const auto alive = shared_from_this();
  stop_waiting();
  if (!is_answered || !keeps_alive_ || !unread_.empty()) {
    cut();
  }
  if (const Done done = std::exchange(done_, nullptr)) {
    done(std::move(line_),
         is_answered && status_ == kOk ? std::optional(std::move(answer_)) : std::nullopt);
  }
}

void CountExchange::stop_waiting() {
  if (timer_ != 0) {
    loop_.cancel_timer(std::exchange(timer_, 0));
  }
  for (EventLoop::Watch* const watch : {&read_watch_, &write_watch_}) {
    if (*watch != 0) {
      loop_.unwatch(std::exchange(*watch, 0));
    }
  }
}

void CountExchange::cut() {
  if (line_.connection != nullptr) {
    std::exchange(line_.connection, nullptr)->abort();
  }
  line_.end.reset();
}

}  // namespace runner
