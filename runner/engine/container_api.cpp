#include "runner/engine/container_api.h"

#include <deque>
#include <unordered_map>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "runner/engine/container_socket.h"

namespace runner {
namespace {

namespace http = boost::beast::http;

constexpr std::uint64_t kBodyLimit = 64ULL << 20;

}  // namespace

// ---- Requests and replies ---------------------------------------------------------------------

std::string request_text(const ApiCall& call, After after) {
  const bool streams = after == After::Stream;
  std::string path;
  for (const char c : call.path) {  // whatever a name in it is, it cannot end the line
    path += c > ' ' && c <= '~' ? std::string(1, c) : encode_query({&c, 1});
  }
  std::string text =
      fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: pipe\r\nConnection: {}\r\n",
                  call.method,
                  path,
                  streams ? "Upgrade" : "close");
  if (streams)
    text += "Upgrade: tcp\r\n";
  if (!call.body.empty())
    text += "Content-Type: application/json\r\n";
  text += fmt::format("Content-Length: {}\r\n\r\n", call.body.size());
  return text + call.body;
}

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

// ---- Calls ------------------------------------------------------------------------------------

struct ContainerApi::Exchange {
  Exchange(EventLoop& the_loop, const std::string& socket)
      : loop(the_loop), connection(the_loop, socket) {
    parser.body_limit(kBodyLimit);
    parser.eager(true);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    if (timer != 0)
      loop.cancel_timer(timer);
  }

  EventLoop& loop;
  ContainerSocket connection;
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
        finish(id, no_answer(socket, error.message()));
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
    impl->finish(id, no_answer(socket_, "no reply within " + dsl::to_text(ms)));
  });
  exchange->connection.open(
      request_text(call, After::Close),
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

}  // namespace runner
