#pragma once

// HTTP/1.1 as a server speaks it (RFC 9112), on connections that it is handed: requests are read
// whole, one is answered after the other, an answer is sent at once or as it comes. Wraps
// Boost.Beast, which appears in http_server.cpp only. Loop thread.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

struct HttpRequest {
  std::string method;
  std::string target;                                       // as sent: path and query
  std::vector<std::pair<std::string, std::string>> fields;  // names in lower case
  std::string body;

  /// The first of that name (in lower case), or null.
  [[nodiscard]] const std::string* field(std::string_view name) const;
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// What becomes of one request. Once the client has gone, or the server, calls do nothing.
class HttpExchange {
 public:
  HttpExchange() = default;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  virtual ~HttpExchange() = default;

  /// The whole answer. The length is told with it.
  virtual void respond(unsigned status, const HttpFields& fields, std::string_view body) = 0;
  /// An answer whose parts come later: `write` as often as needed, then `finish`.
  virtual void begin(unsigned status, const HttpFields& fields) = 0;
  virtual void write(std::string_view part) = 0;
  virtual void finish() = 0;
  /// What was written is sent, then the connection is reset, in the middle of whatever it is.
  virtual void cut() = 0;
};

class HttpServer {
 public:
  static constexpr std::size_t kMostHead = 64U << 10U;   // bytes of a request's head
  static constexpr std::size_t kMostBody = 256U << 20U;  // bytes of a request's body

  /// Called once for each request, which lives as long as the call; the answer may come later.
  using Handler = std::function<void(const HttpRequest&, std::shared_ptr<HttpExchange>)>;

  explicit HttpServer(EventLoop& loop) : loop_(loop) {}
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  /// Resets all connections.
  ~HttpServer();

  /// `client` is a connected stream socket. What is no HTTP is answered with 400 and cut;
  /// `no_http`, where there is one, is told how it begins.
  void serve(Fd client,
             Handler handler,
             std::function<void(std::string_view begin)> no_http = nullptr);

 private:
  class Connection;
  EventLoop& loop_;
  std::map<const Connection*, std::shared_ptr<Connection>> connections_;
};

}  // namespace runner
