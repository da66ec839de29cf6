#include "runner/engine/container_api.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unordered_map>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/sys/fd.h"

namespace runner {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t read_size = 64 * 1024;
constexpr std::uint64_t body_limit = 64ULL << 20;

/// A socket that is connected, or the errno that says why it is not.
struct Connected {
  Fd fd;
  int error = 0;
};

Connected connect_to(const std::string& path, int flags) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return {Fd(), ENAMETOOLONG};
  std::memcpy(address.sun_path, path.data(), path.size());
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd)
    return {Fd(), errno};
  const void* raw = &address;
  if (connect(fd.get(), static_cast<const sockaddr*>(raw), sizeof(address)) != 0)
    return {Fd(), errno};
  return {std::move(fd), 0};
}

dsl::Error no_answer(const std::string& path, const char* why) {
  return {fmt::format("the container engine does not answer on '{}': {}", path, why),
          "see whether it still runs: docker info, or podman info"};
}

std::string request_text(const ApiCall& call, std::string_view connection) {
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: pipe\r\nConnection: {}\r\n",
                  call.method,
                  call.path,
                  connection);
  if (connection == "Upgrade")
    text += "Upgrade: tcp\r\n";
  if (!call.body.empty())
    text += "Content-Type: application/json\r\n";
  text += fmt::format("Content-Length: {}\r\n\r\n", call.body.size());
  return text + call.body;
}

/// A non-blocking connection that sends what it is given and hands over what comes. All callbacks
/// come from the loop. In one, the owner may close it, but not destroy it.
class Connection {
 public:
  Connection(EventLoop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  /// `received` gets bytes; an empty view is the end. `failed` gets an Error, once.
  void open(std::string first,
            std::function<void(std::string_view)> received,
            std::function<void(dsl::Error)> failed) {
    outgoing_ = std::move(first);
    received_ = std::move(received);
    failed_ = std::move(failed);
    retry_ = loop_.start_timer(dsl::Duration{0}, [this] { connect(); });
  }

  void send(std::string_view bytes) {
    outgoing_ += bytes;
    if (fd_)
      flush();
  }

  /// Nothing is called any more.
  void close() {
    if (retry_ != 0)
      loop_.cancel_timer(std::exchange(retry_, 0));
    if (readable_ != 0)
      loop_.unwatch(std::exchange(readable_, 0));
    if (writable_ != 0)
      loop_.unwatch(std::exchange(writable_, 0));
    fd_.reset();
  }

 private:
  void connect() {
    retry_ = 0;
    Connected connected = connect_to(path_, SOCK_NONBLOCK);
    if (connected.error == EAGAIN) {  // its queue is full: it is busy, not gone
      retry_ = loop_.start_timer(dsl::Duration{10}, [this] { connect(); });
      return;
    }
    if (connected.error != 0) {
      fail(connected.error);
      return;
    }
    fd_ = std::move(connected.fd);
    readable_ = loop_.watch_readable(fd_.get(), [this] { read(); });
    flush();
  }

  void flush() {
    while (!outgoing_.empty()) {
      const ssize_t sent = ::send(fd_.get(), outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        outgoing_.erase(0, static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        if (writable_ == 0)
          writable_ = loop_.watch_writable(fd_.get(), [this] { flush(); });
        return;
      } else if (errno != EINTR) {
        outgoing_.clear();  // the reading side will tell the end
      }
    }
    if (writable_ != 0)
      loop_.unwatch(std::exchange(writable_, 0));
  }

  /// One piece a round, so that a container that floods its log leaves room for the others.
  void read() {
    static thread_local std::array<char, read_size> buffer;
    const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got > 0) {
      received_({buffer.data(), static_cast<std::size_t>(got)});
    } else if (got == 0 || errno == ECONNRESET) {
      loop_.unwatch(std::exchange(readable_, 0));
      received_({});
    } else if (errno != EAGAIN && errno != EINTR) {
      fail(errno);
    }
  }

  void fail(int number) {
    close();
    const auto then = std::move(failed_);  // it may destroy us
    then(no_answer(path_, strerrordesc_np(number)));
  }

  EventLoop& loop_;
  const std::string path_;
  std::string outgoing_;
  std::function<void(std::string_view)> received_;
  std::function<void(dsl::Error)> failed_;
  Fd fd_;
  EventLoop::Watch readable_ = 0;
  EventLoop::Watch writable_ = 0;
  EventLoop::Timer retry_ = 0;
};

/// Cuts the daemon's stream into channels: a header of channel, three zeros and a length of four
/// bytes (big endian), then so many bytes. Payload is passed on in the pieces it comes in.
class FrameReader {
 public:
  void take(std::string_view bytes,
            const std::function<void(AttachedStream::Channel, std::string_view)>& data) {
    while (!bytes.empty()) {
      if (left_ == 0) {
        const std::size_t part = std::min(bytes.size(), header_.size() - held_);
        std::memcpy(header_.data() + held_, bytes.data(), part);
        held_ += part;
        bytes.remove_prefix(part);
        if (held_ < header_.size())
          return;
        held_ = 0;
        left_ = length();
        continue;
      }
      const std::size_t part = std::min<std::size_t>(bytes.size(), left_);
      data(header_[0] == 2 ? AttachedStream::Channel::Errors : AttachedStream::Channel::Output,
           bytes.substr(0, part));
      left_ -= static_cast<std::uint32_t>(part);
      bytes.remove_prefix(part);
    }
  }

 private:
  [[nodiscard]] std::uint32_t length() const {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i < header_.size(); ++i)
      value = value << 8U | header_[i];
    return value;
  }

  std::array<unsigned char, 8> header_{};
  std::size_t held_ = 0;
  std::uint32_t left_ = 0;
};

}  // namespace

// ---- Replies ----------------------------------------------------------------------------------

std::string ApiReply::message() const {
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (json.is_object()) {
    for (const char* key : {"message", "cause"}) {
      const auto found = json.find(key);
      if (found != json.end() && found->is_string())
        return found->get<std::string>();
    }
  }
  const std::string line = body.substr(0, body.find('\n'));
  return line.empty() ? fmt::format("HTTP status {}", status) : line;
}

std::string encode_query(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~';
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

// ---- Attached stream --------------------------------------------------------------------------

struct AttachedStream::Impl {
  Impl(EventLoop& the_loop, const std::string& socket)
      : loop(the_loop), connection(the_loop, socket) {
    // A 101 has no body; without this Beast would wait for the end of the connection.
    parser.skip(true);
  }

  void received(std::string_view bytes) {
    if (bytes.empty()) {
      finish(open ? dsl::Status(dsl::Ok{})
                  : dsl::Status(dsl::Error{"attach: the container engine hung up", ""}));
      return;
    }
    if (open) {
      frames.take(bytes, events.data);
      return;
    }
    head += bytes;
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos)
      return;
    boost::beast::error_code error;
    parser.put(boost::asio::buffer(head.data(), end + 4), error);
    const unsigned status = parser.get().result_int();
    if (error || (status != 101 && status != 200)) {
      const ApiReply reply{status, head.substr(end + 4)};
      finish(dsl::Error{"attach: " + reply.message(), ""});
      return;
    }
    open = true;
    const std::string rest = head.substr(end + 4);
    head.clear();
    events.opened();
    frames.take(rest, events.data);
  }

  void finish(dsl::Status status) {
    const auto then = std::move(events.closed);  // it may destroy us
    then(std::move(status));
  }

  EventLoop& loop;
  Connection connection;
  Events events;
  http::response_parser<http::string_body> parser;
  std::string head;
  FrameReader frames;
  bool open = false;
};

AttachedStream::AttachedStream(EventLoop& loop,
                               const std::string& socket,
                               const std::string& container,
                               Events events)
    : impl_(std::make_unique<Impl>(loop, socket)) {
  impl_->events = std::move(events);
  ApiCall call;
  call.method = "POST";
  call.path = "/containers/" + container + "/attach?stream=1&stdin=1&stdout=1&stderr=1";
  impl_->connection.open(
      request_text(call, "Upgrade"),
      [impl = impl_.get()](std::string_view bytes) { impl->received(bytes); },
      [impl = impl_.get()](dsl::Error error) { impl->finish(std::move(error)); });
}

AttachedStream::~AttachedStream() {
  impl_->connection.close();
  // Taken down later: we may be inside one of its own callbacks.
  EventLoop& loop = impl_->loop;
  loop.post([ended = std::shared_ptr<Impl>(std::move(impl_))] {});
}

void AttachedStream::write(std::string_view bytes) {
  impl_->connection.send(bytes);
}

// ---- Calls ------------------------------------------------------------------------------------

struct ContainerApi::Exchange {
  Exchange(EventLoop& the_loop, const std::string& socket)
      : loop(the_loop), connection(the_loop, socket) {
    parser.body_limit(body_limit);
    parser.eager(true);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (timer != 0)
      loop.cancel_timer(timer);
  }

  EventLoop& loop;
  Connection connection;
  http::response_parser<http::string_body> parser;
  std::string pending;  // a part of a header line or chunk that Beast wants to see whole
  EventLoop::Timer timer = 0;
  std::function<void(dsl::Result<ApiReply>)> done;
};

struct ContainerApi::Impl {
  EventLoop& loop;
  std::uint64_t next = 1;
  std::unordered_map<std::uint64_t, std::unique_ptr<Exchange>> exchanges;

  std::deque<std::pair<ApiCall, std::function<void(dsl::Result<ApiReply>)>>> queue;  // in turn
  bool turn_taken = false;

  explicit Impl(EventLoop& the_loop) : loop(the_loop) {}

  /// The exchange is taken down later: we may be inside one of its own callbacks.
  void finish(std::uint64_t id, dsl::Result<ApiReply> result) {
    const std::shared_ptr<Exchange> ended = std::move(exchanges.extract(id).mapped());
    ended->connection.close();
    loop.cancel_timer(std::exchange(ended->timer, 0));
    loop.post([ended] {});
    ended->done(std::move(result));
  }

  void received(std::uint64_t id, std::string_view bytes, const std::string& socket) {
    Exchange& exchange = *exchanges.at(id);
    boost::beast::error_code error;
    if (bytes.empty()) {
      if (exchange.parser.got_some())
        exchange.parser.put_eof(error);
      if (!exchange.parser.is_done()) {
        finish(id, no_answer(socket, "it hung up before the reply was complete"));
        return;
      }
    } else {
      exchange.pending += bytes;
      const std::size_t used = exchange.parser.put(boost::asio::buffer(exchange.pending), error);
      exchange.pending.erase(0, used);
      if (error && error != http::error::need_more) {
        finish(id, no_answer(socket, error.message().c_str()));
        return;
      }
    }
    if (exchange.parser.is_done()) {
      const auto& message = exchange.parser.get();
      finish(id, ApiReply{message.result_int(), message.body()});
    }
  }
};

ContainerApi::ContainerApi(EventLoop& loop, std::string socket)
    : socket_(std::move(socket)), impl_(std::make_unique<Impl>(loop)) {}

ContainerApi::~ContainerApi() = default;

void ContainerApi::call(ApiCall call, std::function<void(dsl::Result<ApiReply>)> done) {
  const std::uint64_t id = impl_->next++;
  Impl* const impl = impl_.get();
  auto exchange = std::make_unique<Exchange>(impl->loop, socket_);
  exchange->done = std::move(done);
  exchange->timer = impl->loop.start_timer(call.timeout, [impl, id, this, ms = call.timeout] {
    impl->finish(id, no_answer(socket_, ("no reply within " + dsl::to_text(ms)).c_str()));
  });
  exchange->connection.open(
      request_text(call, "close"),
      [impl, id, this](std::string_view bytes) { impl->received(id, bytes, socket_); },
      [impl, id](dsl::Error error) { impl->finish(id, std::move(error)); });
  impl->exchanges.emplace(id, std::move(exchange));
}

void ContainerApi::call_in_turn(ApiCall call, std::function<void(dsl::Result<ApiReply>)> done) {
  impl_->queue.emplace_back(std::move(call), std::move(done));
  if (!impl_->turn_taken)
    call_next_in_turn();
}

void ContainerApi::call_next_in_turn() {
  impl_->turn_taken = !impl_->queue.empty();
  if (!impl_->turn_taken)
    return;
  auto [next, done] = std::move(impl_->queue.front());
  impl_->queue.pop_front();
  call(std::move(next), [this, done = std::move(done)](dsl::Result<ApiReply> reply) {
    call_next_in_turn();  // first: `done` may do anything
    done(std::move(reply));
  });
}

SocketCheck check_socket(const std::string& socket) {
  const Connected connected = connect_to(socket, 0);
  SocketCheck check;
  check.listening = connected.error == 0;
  check.down.detail = connected.error == 0 ? "" : strerrordesc_np(connected.error);
  switch (connected.error) {
    case ENOENT:
    case ENOTDIR:
      check.down.reason = ApiDown::Reason::NoSocket;
      break;
    case ECONNREFUSED:
      check.down.reason = ApiDown::Reason::NobodyListens;
      break;
    case EACCES:
    case EPERM:
      check.down.reason = ApiDown::Reason::NoPermission;
      break;
    default:
      check.down.reason = ApiDown::Reason::Broken;
  }
  return check;
}

}  // namespace runner
