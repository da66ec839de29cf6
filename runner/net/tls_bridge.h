#pragma once

// The gateway's own TLS to a host: who dialled it gets a socket, and what goes into that comes to
// the host encrypted. The host must show a certificate for its name that the machine's own
// authorities (SSL_CERT_FILE, SSL_CERT_DIR, else those of the system) signed. TLS 1.2 at least,
// HTTP/1.1 inside. Loop thread.

#include <functional>
#include <memory>
#include <string>

#include "dsl/result.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class TlsBridge {
 public:
  /// `server` is connected and non-blocking. `ready` is called once, never inside the constructor:
  /// with the socket (non-blocking, the caller's), or why the host is not believed. `broken` is
  /// called at most once, after that, when the host's side broke off without an end of TLS and all
  /// that it said before was taken. Both may destroy this, which cuts the connection.
  TlsBridge(EventLoop& loop,
            Fd server,
            const std::string& name,
            std::function<void(dsl::Result<Fd>)> ready,
            std::function<void()> broken);
  TlsBridge(const TlsBridge&) = delete;
  TlsBridge& operator=(const TlsBridge&) = delete;
  ~TlsBridge();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace runner
