#pragma once

// The Engine API of Docker, which Podman speaks too, over a unix socket: short calls with a JSON
// reply, and the attached stream of one container. One connection a call, which costs some 50 us
// and leaves no state behind; Boost.Beast parses, in container_api.cpp only.
//
// Loop thread. Callbacks never run inside the call that was given them, and never after the
// ContainerApi or AttachedStream they belong to has gone.

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

/// Why nobody answers on the socket, for a person.
struct ApiDown {
  enum class Reason { NoSocket, NobodyListens, NoPermission, Broken };
  Reason reason = Reason::Broken;
  std::string detail;  // the system's own words
};

/// The output of one running container, and its standard input.
class AttachedStream {
 public:
  enum class Channel { Output, Errors };  // the container's STDOUT and STDERR

  struct Events {
    std::function<void()> opened;  // the daemon streams from here on: start the container now
    /// Bytes as they come, in their order within a channel. They are gone after the call.
    std::function<void(Channel, std::string_view)> data;
    /// The end: of the container (Ok), or of the connection before it was opened (Error). The
    /// stream may be destroyed in it, or outside its callbacks, but not in `data`.
    std::function<void(dsl::Status)> closed;
  };

  AttachedStream(EventLoop& loop,
                 const std::string& socket,
                 const std::string& container,
                 Events events);
  AttachedStream(const AttachedStream&) = delete;
  AttachedStream& operator=(const AttachedStream&) = delete;
  /// Ends the connection: the container sees the end of its standard input.
  ~AttachedStream();

  /// To the container's standard input, after `opened`.
  void write(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

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

/// Connects once to see whether somebody listens. Quick; blocks no longer than a connect to a
/// local socket does. No value: somebody does.
struct SocketCheck {
  bool listening = false;
  ApiDown down;
};
SocketCheck check_socket(const std::string& socket);

}  // namespace runner
