#include "runner/engine/attached_stream.h"

#include <array>
#include <cstdint>
#include <cstring>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "runner/engine/container_api.h"
#include "runner/engine/container_socket.h"

namespace runner {
namespace {

namespace http = boost::beast::http;

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
  ContainerSocket connection;
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
      request_text(call, After::Stream),
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

}  // namespace runner
