#pragma once

// The Engine API of Docker, which Podman speaks too, over a unix socket: short calls with a JSON
// reply (the one long conversation is in attached_stream.h). One connection a call, which costs
// some 50 us and leaves no state behind.
//
// Loop thread. Callbacks never run inside the call that was given them, and never after the
// ContainerApi has gone.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "dsl/units.h"
#include "runner/sys/event_loop.h"

namespace runner {

struct ApiCall {
  std::string method = "GET";
  std::string path;  // with its query, already encoded (encode_query); without a version prefix
  std::string body;  // JSON, "" none
  dsl::Duration timeout{120'000};
};

struct ApiReply {
  unsigned status = 0;  // HTTP
  std::string body;

  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// What the daemon says was wrong: `message` of its JSON, else the first line of the body.
  [[nodiscard]] std::string message() const;
};

/// Percent-encodes everything but letters, digits and "-._~".
std::string encode_query(std::string_view text);

/// What becomes of a connection after the reply.
enum class After { Close, Stream };
/// The bytes of the call as a request of HTTP/1.1.
std::string request_text(const ApiCall& call, After after);

class ContainerApi {
 public:
  ContainerApi(EventLoop& loop, std::string socket);
  ContainerApi(const ContainerApi&) = delete;
  ContainerApi& operator=(const ContainerApi&) = delete;
  /// Calls under way are given up; the daemon may or may not carry them out.
  ~ContainerApi();

  [[nodiscard]] const std::string& socket() const { return socket_; }

  /// `done` is called once: with the daemon's reply, whatever its status, or with the Error that
  /// there was none (connection refused or lost, timeout).
  void call(ApiCall call, std::function<void(dsl::Result<ApiReply>)> done);

  /// The same, but never two of these at a time. For creating containers: podman 4 without root
  /// reads the subordinate ids with a library that two threads at once bring down, and all with it.
  void call_in_turn(ApiCall call, std::function<void(dsl::Result<ApiReply>)> done);

 private:
  struct Exchange;
  struct Impl;
  void call_next_in_turn();
  std::string socket_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
