#pragma once

// Podman has no daemon: this starts its API service for one engine, on a socket that only we can
// reach, and ends it with the engine. After a kill -9 the service ends by itself, a few seconds
// after its last connection. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/engine/container_probe.h"
#include "runner/sys/event_loop.h"

namespace runner {

class ContainerService {
 public:
  /// `folder` is where the socket may be (it is made where it is missing); a path that is too long
  /// for a socket is replaced by a private folder in /tmp.
  ContainerService(EventLoop& loop, const ContainerProgram& program, std::string folder);
  ContainerService(const ContainerService&) = delete;
  ContainerService& operator=(const ContainerService&) = delete;
  ~ContainerService();

  /// The socket's path, also before anybody listens there.
  [[nodiscard]] const std::string& socket() const;

  /// Calls `then` once somebody listens (Ok), or with why nobody will. Starts the service when it
  /// does not run.
  void when_listening(std::function<void(dsl::Status)> then);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace runner
