#include "runner/net/dns_stream.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace runner {
namespace {

constexpr std::size_t kMostQuery = 1'024;  // bytes; a question with one name is far shorter

}  // namespace

DnsStream::DnsStream(EventLoop& loop,
                     Fd client,
                     std::function<std::string(std::string_view)> answer,
                     std::function<void(DnsStream&)> ended)
    : loop_(loop),
      client_(std::move(client)),
      answer_(std::move(answer)),
      ended_(std::move(ended)) {
  watch_ = loop_.watch_readable(client_.get(), [this] { on_readable(); });
  timer_ = loop_.start_timer(kIdleTime, [this] {
    timer_ = 0;
    end();
  });
}

DnsStream::~DnsStream() {
  if (watch_ != 0) {
    loop_.unwatch(watch_);
  }
  if (timer_ != 0) {
    loop_.cancel_timer(timer_);
  }
}

void DnsStream::on_readable() {
  std::array<char, kMostQuery> bytes{};
  const ssize_t got = recv(client_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got > 0) {
    held_.append(bytes.data(), static_cast<std::size_t>(got));
  }
  if (got <= 0 || !answer_all()) {
    end();
  }
}

bool DnsStream::answer_all() {
  while (held_.size() >= 2) {
    const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(held_[0])) << 8 |
                             static_cast<unsigned char>(held_[1]);
    if (size > kMostQuery) {
      return false;
    }
    if (held_.size() < 2 + size) {
      return true;
    }
    const std::string answer = answer_(std::string_view(held_).substr(2, size));
    held_.erase(0, 2 + size);
    if (answer.empty()) {
      return false;
    }
    std::string message;
    message += static_cast<char>(answer.size() >> 8);
    message += static_cast<char>(answer.size() & 0xff);
    message += answer;
    // It is short, and whoever does not read what it asks for needs no more answers.
    if (send(client_.get(), message.data(), message.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(message.size())) {
      return false;
    }
  }
  return true;
}

void DnsStream::end() {
  loop_.unwatch(std::exchange(watch_, 0));
  const auto ended = std::move(ended_);  // it may destroy us
  ended(*this);
}

}  // namespace runner
