#pragma once

// A connection to the unix socket of a container engine: non-blocking, and nothing but bytes. Loop
// thread.

#include <functional>
#include <string>
#include <string_view>

#include "dsl/result.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

/// Why nobody answers on the socket, for a person.
struct ApiDown {
  enum class Reason { NoSocket, NobodyListens, NoPermission, Broken };
  Reason reason = Reason::Broken;
  std::string detail;  // the system's own words
};

/// Connects once to see whether somebody listens. Quick; blocks no longer than a connect to a
/// local socket does. No value: somebody does.
struct SocketCheck {
  bool listening = false;
  ApiDown down;
};
SocketCheck check_socket(const std::string& socket);

/// For who waited for an answer on this socket in vain.
dsl::Error no_answer(const std::string& socket, const std::string& why);

/// Sends what it is given and hands over what comes. All callbacks come from the loop. In one, the
/// owner may close it, but not destroy it.
class ContainerSocket {
 public:
  ContainerSocket(EventLoop& loop, std::string path) : loop_(loop), path_(std::move(path)) {}
  ContainerSocket(const ContainerSocket&) = delete;
  ContainerSocket& operator=(const ContainerSocket&) = delete;
  ~ContainerSocket() { close(); }

  /// `received` gets bytes; an empty view is the end. `failed` gets an Error, once.
  void open(std::string first,
            std::function<void(std::string_view)> received,
            std::function<void(dsl::Error)> failed);
  void send(std::string_view bytes);
  /// Bytes that wait to be sent.
  [[nodiscard]] std::size_t unsent() const { return outgoing_.size(); }
  /// Nothing more is sent after that: the other side sees the end of it, and may go on speaking.
  void finish();
  /// Nothing is called any more.
  void close();

 private:
  void connect();
  void flush();
  void read();
  void fail(int number);

  EventLoop& loop_;
  const std::string path_;
  std::string outgoing_;
  bool finishing_ = false;
  std::function<void(std::string_view)> received_;
  std::function<void(dsl::Error)> failed_;
  Fd fd_;
  EventLoop::Watch readable_ = 0;
  EventLoop::Watch writable_ = 0;
  EventLoop::Timer retry_ = 0;
};

}  // namespace runner
