#include "runner/sys/http_server.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "runner/sys/send.h"

namespace runner {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t kReadSize = 64U << 10U;

std::string lower(std::string_view text) {
  std::string all(text);
  std::transform(all.begin(), all.end(), all.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return all;
}

std::string head_of(unsigned status, const HttpFields& fields) {
  std::string head =
      fmt::format("HTTP/1.1 {} {}\r\n",
                  status,
                  std::string_view(http::obsolete_reason(http::int_to_status(status))));
  for (const auto& [name, value] : fields) {
    head += name + ": " + value + "\r\n";
  }
  return head;
}

}  // namespace

const std::string* HttpRequest::field(std::string_view name) const {
  for (const auto& [known, value] : fields) {
    if (known == name) {
      return &value;
    }
  }
  return nullptr;
}

/// One client. It is its own exchange: one request is under way at a time, and an answer that comes
/// for an earlier one finds `turn_` gone on.
class HttpServer::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpServer& server,
             Fd client,
             Handler handler,
             std::function<void(std::string_view)> no_http)
      : server_(&server),
        loop_(server.loop_),
        client_(std::move(client)),
        handler_(std::move(handler)),
        no_http_(std::move(no_http)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { close(); }

  void start() {
    fcntl(client_.get(), F_SETFL, fcntl(client_.get(), F_GETFL) | O_NONBLOCK);
    begin_request();
    watch();
  }

  /// The server goes: nothing is told any more.
  void abandon() {
    server_ = nullptr;
    reset();
  }

  [[nodiscard]] bool is_turn(std::uint64_t turn) const { return client_ && turn == turn_; }

  void send(std::string_view bytes) {
    outgoing_ += bytes;
    flush();
  }

  void answered() {
    ++turn_;
    answering_ = false;
    if (last_) {
      ends_when_sent_ = true;
    }
    begin_request();
    flush();
    // Not inside the handler's own call: a client may have sent many requests at once.
    if (client_ && !ends_when_sent_ && !held_.empty()) {
      loop_.post([self = shared_from_this()] { self->parse(); });
    }
  }

  void cut() {
    ++turn_;
    cuts_when_sent_ = true;
    flush();
  }

 private:
  class Exchange;

  void begin_request() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(kMostHead);
    parser_->body_limit(kMostBody);
  }

  void watch() {
    if (reading_ == 0) {
      reading_ = loop_.watch_readable(client_.get(), [self = weak_from_this()] {
        if (const auto alive = self.lock()) {
          alive->on_readable();
        }
      });
    }
  }

  void on_readable() {
    static std::array<char, kReadSize> buffer;  // one for all: loop thread, nothing is kept in it
    const ssize_t got = recv(client_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (got <= 0) {
      end();  // a client that ends its side wants no answer any more
      return;
    }
    held_.append(buffer.data(), static_cast<std::size_t>(got));
    parse();
  }

  void parse() {
    boost::beast::error_code error;
    while (client_ && !answering_ && !held_.empty()) {
      // Where no line of a request can begin, its end need not be waited for.
      if (!parser_->got_some() && static_cast<unsigned char>(held_.front()) < ' ' &&
          held_.front() != '\r' && held_.front() != '\n') {
        refuse("this is no request of HTTP");
        return;
      }
      const std::size_t used = parser_->put(boost::asio::buffer(held_), error);
      if (error && error != http::error::need_more) {
        refuse(error.message());
        return;
      }
      held_.erase(0, used);
      if (parser_->is_done()) {
        hand_over();
      } else if (used == 0) {
        return;  // a line that is not whole yet
      }
    }
  }

  void refuse(const std::string& why) {
    if (no_http_) {
      no_http_(held_);
    }
    send(head_of(400, {{"Content-Length", std::to_string(why.size())}, {"Connection", "close"}}) +
         "\r\n" + why);
    cut();
  }

  void hand_over();

  void flush() {
    const Sent sent = client_ ? send_from(client_.get(), outgoing_) : Sent::All;
    if (sent == Sent::Broken) {
      end();
      return;
    }
    if (sent == Sent::Blocked) {
      if (writing_ == 0) {
        writing_ = loop_.watch_writable(client_.get(), [self = weak_from_this()] {
          if (const auto alive = self.lock()) {
            alive->flush();
          }
        });
      }
      return;
    }
    if (writing_ != 0) {
      loop_.unwatch(std::exchange(writing_, 0));
    }
    if (cuts_when_sent_) {
      reset();
      forget();
    } else if (ends_when_sent_) {
      end();
    }
  }

  void reset() {
    if (client_) {
      const linger at_once{1, 0};
      setsockopt(client_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    close();
  }

  void close() {
    for (EventLoop::Watch* const watch : {&reading_, &writing_}) {
      if (*watch != 0) {
        loop_.unwatch(std::exchange(*watch, 0));
      }
    }
    client_.reset();
  }

  void end() {
    close();
    forget();
  }

  void forget() {
    if (HttpServer* const server = std::exchange(server_, nullptr)) {
      const auto alive = shared_from_this();
      server->connections_.erase(this);
    }
  }

  HttpServer* server_;
  EventLoop& loop_;
  Fd client_;
  const Handler handler_;
  const std::function<void(std::string_view)> no_http_;
  std::optional<http::request_parser<http::string_body>> parser_;
  std::string held_;      // came, and was not parsed
  std::string outgoing_;  // was written, and has not gone
  std::uint64_t turn_ = 0;
  bool answering_ = false;  // a request is with the handler
  bool last_ = false;       // the client wants no further one
  bool ends_when_sent_ = false;
  bool cuts_when_sent_ = false;
  EventLoop::Watch reading_ = 0;
  EventLoop::Watch writing_ = 0;
};

class HttpServer::Connection::Exchange final : public HttpExchange {
 public:
  Exchange(const std::shared_ptr<Connection>& connection, std::uint64_t turn, bool has_body)
      : connection_(connection), turn_(turn), has_body_(has_body) {}

  void respond(unsigned status, const HttpFields& fields, std::string_view body) override {
    if (const auto connection = mine()) {
      const auto head =
          head_of(status, fields) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
      connection->send(has_body_ ? head + std::string(body) : head);
      connection->answered();
    }
  }
  void begin(unsigned status, const HttpFields& fields) override {
    if (const auto connection = mine()) {
      connection->send(head_of(status, fields) + "Transfer-Encoding: chunked\r\n\r\n");
    }
  }
  void write(std::string_view part) override {
    if (const auto connection = mine(); connection && has_body_ && !part.empty()) {
      connection->send(fmt::format("{:x}\r\n{}\r\n", part.size(), part));
    }
  }
  void finish() override {
    if (const auto connection = mine()) {
      connection->send(has_body_ ? "0\r\n\r\n" : "");
      connection->answered();
    }
  }
  void cut() override {
    if (const auto connection = mine()) {
      connection->cut();
    }
  }

 private:
  [[nodiscard]] std::shared_ptr<Connection> mine() const {
    auto connection = connection_.lock();
    return connection && connection->is_turn(turn_) ? connection : nullptr;
  }

  const std::weak_ptr<Connection> connection_;
  const std::uint64_t turn_;
  const bool has_body_;  // no answer to HEAD has one
};

void HttpServer::Connection::hand_over() {
  auto& message = parser_->get();
  HttpRequest request;
  request.method = message.method_string();
  request.target = message.target();
  for (const auto& field : message) {
    request.fields.emplace_back(lower(field.name_string()), field.value());
  }
  request.body = std::move(message.body());
  answering_ = true;
  last_ = !message.keep_alive();
  handler_(request,
           std::make_shared<Exchange>(shared_from_this(), turn_, request.method != "HEAD"));
}

HttpServer::~HttpServer() {
  for (const auto& [_, connection] : connections_) {
    connection->abandon();
  }
}

void HttpServer::serve(Fd client, Handler handler, std::function<void(std::string_view)> no_http) {
  const auto connection = std::make_shared<Connection>(
      *this, std::move(client), std::move(handler), std::move(no_http));
  connections_.emplace(connection.get(), connection);
  connection->start();
}

}  // namespace runner
