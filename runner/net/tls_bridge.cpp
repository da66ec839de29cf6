#include "runner/net/tls_bridge.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <linux/sockios.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <utility>

#include "runner/sys/send.h"

namespace runner {
namespace {

constexpr std::size_t kStep = 16 << 10;  // bytes; a record of TLS
constexpr int kStepsPerTurn = 8;         // then others have theirs
constexpr dsl::Duration kLookAgain{10};  // whether the last bytes were taken

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

/// One for all: the authorities are read once. Null where OpenSSL cannot be set up.
SSL_CTX* client_context() {
  static const std::unique_ptr<SSL_CTX, FreeContext> context = [] {
    std::unique_ptr<SSL_CTX, FreeContext> made(SSL_CTX_new(TLS_client_method()));
    constexpr std::array<unsigned char, 9> kHttp11 = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
    if (made != nullptr && (SSL_CTX_set_default_verify_paths(made.get()) != 1 ||
                            SSL_CTX_set_min_proto_version(made.get(), TLS1_2_VERSION) != 1 ||
                            SSL_CTX_set_alpn_protos(made.get(), kHttp11.data(), 9) != 0)) {
      made.reset();
    }
    if (made != nullptr) {
      SSL_CTX_set_verify(made.get(), SSL_VERIFY_PEER, nullptr);
      SSL_CTX_set_mode(made.get(),
                       SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    }
    return made;
  }();
  return context.get();
}

std::string why_not(SSL* ssl) {
  const long verified = SSL_get_verify_result(ssl);
  if (verified != X509_V_OK) {
    return std::string("its certificate is not believed: ") +
           X509_verify_cert_error_string(verified);
  }
  const unsigned long error = ERR_peek_last_error();
  const char* const reason = error != 0 ? ERR_reason_error_string(error) : nullptr;
  return std::string("no TLS with it: ") + (reason != nullptr ? reason : "the connection ended");
}

}  // namespace

/// Each direction holds at most one step; it reads no faster than the other side takes.
struct TlsBridge::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventLoop& loop_in,
       Fd server_in,
       std::function<void(dsl::Result<Fd>)> ready_in,
       std::function<void()> broken_in)
      : loop(loop_in),
        server(std::move(server_in)),
        ready(std::move(ready_in)),
        broken(std::move(broken_in)) {}

  EventLoop& loop;
  Fd server;
  Fd plain;  // our end of what the caller has
  std::unique_ptr<SSL, FreeSsl> ssl;
  std::function<void(dsl::Result<Fd>)> ready;
  std::function<void()> broken;

  bool over = false;
  bool shaken = false;        // hands
  bool client_ended = false;  // nothing more comes from the caller
  bool server_ended = false;  // nothing more comes from the host
  bool cut_off = false;       // and it did not say so
  bool write_wants_read = false;
  bool read_wants_write = false;
  std::string to_server;
  std::string to_plain;
  EventLoop::Watch server_reads = 0;
  EventLoop::Watch server_writes = 0;
  EventLoop::Watch plain_reads = 0;
  EventLoop::Watch plain_writes = 0;
  EventLoop::Timer again = 0;

  void close() {
    over = true;
    for (EventLoop::Watch* const watch :
         {&server_reads, &server_writes, &plain_reads, &plain_writes}) {
      if (*watch != 0) {
        loop.unwatch(std::exchange(*watch, 0));
      }
    }
    if (again != 0) {
      loop.cancel_timer(std::exchange(again, 0));
    }
    ssl.reset();
    server.reset();
    plain.reset();
  }

  void want(EventLoop::Watch& watch, bool wanted, int fd, bool readable) {
    if (wanted == (watch != 0)) {
      return;
    }
    if (!wanted) {
      loop.unwatch(std::exchange(watch, 0));
      return;
    }
    const auto go = [self = weak_from_this()] {
      if (const auto alive = self.lock(); alive && !alive->over) {
        alive->shaken ? alive->pump() : alive->shake();
      }
    };
    watch = readable ? loop.watch_readable(fd, go) : loop.watch_writable(fd, go);
  }

  void begin(const std::string& name) {
    SSL_CTX* const context = client_context();
    ssl.reset(context != nullptr ? SSL_new(context) : nullptr);
    if (ssl == nullptr || SSL_set_fd(ssl.get(), server.get()) != 1 || !tell_name(name) ||
        SSL_set1_host(ssl.get(), name.c_str()) != 1) {
      fail("OpenSSL cannot be set up");
      return;
    }
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    shake();
  }

  /// SNI. (OpenSSL's own macro casts as C does.)
  bool tell_name(std::string name) {
    return SSL_ctrl(
               ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, name.data()) ==
           1;
  }

  void fail(const std::string& why) {
    const auto tell = std::exchange(ready, nullptr);
    close();
    tell(dsl::Error{why, ""});
  }

  void shake() {
    ERR_clear_error();
    const int done = SSL_connect(ssl.get());
    if (done != 1) {
      const int error = SSL_get_error(ssl.get(), done);
      want(server_reads, error == SSL_ERROR_WANT_READ, server.get(), true);
      want(server_writes, error == SSL_ERROR_WANT_WRITE, server.get(), false);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        fail(why_not(ssl.get()));
      }
      return;
    }
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
      fail(strerrordesc_np(errno));
      return;
    }
    plain = Fd(ends[0]);
    shaken = true;
    const auto self = shared_from_this();
    std::exchange(ready, nullptr)(Fd(ends[1]));
    if (!over) {
      pump();
    }
  }

  /// Moves what can be moved, and then waits for what cannot.
  void pump() {
    bool more = true;
    for (int i = 0; i < kStepsPerTurn && more; ++i) {
      const bool up = pump_up();
      const bool down = pump_down();
      more = up || down;
    }
    if (cut_off && to_plain.empty()) {
      await_taken();
      return;
    }
    if (server_ended && client_ended && to_plain.empty() && to_server.empty()) {
      close();
      return;
    }
    const bool reads = !server_ended && to_plain.empty();
    want(server_reads, (reads && !read_wants_write) || write_wants_read, server.get(), true);
    want(server_writes,
         (!to_server.empty() && !write_wants_read) || (reads && read_wants_write),
         server.get(),
         false);
    want(plain_reads, !client_ended && to_server.empty(), plain.get(), true);
    want(plain_writes, !to_plain.empty(), plain.get(), false);
    if (more && again == 0) {  // bytes may wait inside OpenSSL, where no watch sees them
      again = loop.start_timer(dsl::Duration{0}, [self = weak_from_this()] {
        if (const auto alive = self.lock(); alive && !alive->over) {
          alive->again = 0;
          alive->pump();
        }
      });
    }
  }

  /// True: something was moved.
  bool pump_up() {
    bool moved = false;
    if (to_server.empty() && !client_ended) {
      std::array<char, kStep> buffer;
      const ssize_t got = recv(plain.get(), buffer.data(), buffer.size(), 0);
      if (got > 0) {
        to_server.assign(buffer.data(), static_cast<std::size_t>(got));
        moved = true;
      } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        client_ended = true;
      }
      if (client_ended) {
        SSL_shutdown(ssl.get());  // says that nothing more comes; what the host says is still read
      }
    }
    write_wants_read = false;
    while (!to_server.empty()) {
      ERR_clear_error();
      const int put = SSL_write(ssl.get(), to_server.data(), static_cast<int>(to_server.size()));
      if (put > 0) {
        to_server.erase(0, static_cast<std::size_t>(put));
        moved = true;
        continue;
      }
      const int error = SSL_get_error(ssl.get(), put);
      write_wants_read = error == SSL_ERROR_WANT_READ;
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        to_server.clear();  // the host takes no more; what it says is still read
        client_ended = true;
      }
      break;
    }
    return moved;
  }

  bool pump_down() {
    bool moved = false;
    read_wants_write = false;
    if (to_plain.empty() && !server_ended) {
      std::array<char, kStep> buffer;
      ERR_clear_error();
      const int got = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (got > 0) {
        to_plain.assign(buffer.data(), static_cast<std::size_t>(got));
        moved = true;
      } else {
        const int error = SSL_get_error(ssl.get(), got);
        read_wants_write = error == SSL_ERROR_WANT_WRITE;
        if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
          server_ended = true;
          cut_off = error != SSL_ERROR_ZERO_RETURN;
          if (!cut_off) {
            shutdown(plain.get(), SHUT_WR);
          }
        }
      }
    }
    const std::size_t waiting = to_plain.size();
    const Sent sent = send_from(plain.get(), to_plain);
    moved = moved || to_plain.size() < waiting;
    if (sent == Sent::Broken) {
      to_plain.clear();
      server_ended = true;  // nobody takes it
      client_ended = true;
    }
    return moved;
  }

  /// Once the caller has everything, it hears that the end was none.
  void await_taken() {
    int waiting = 0;
    if (ioctl(plain.get(), SIOCOUTQ, &waiting) == 0 && waiting > 0) {
      for (EventLoop::Watch* const watch :
           {&server_reads, &server_writes, &plain_reads, &plain_writes}) {
        if (*watch != 0) {
          loop.unwatch(std::exchange(*watch, 0));
        }
      }
      if (again == 0) {
        again = loop.start_timer(kLookAgain, [self = weak_from_this()] {
          if (const auto alive = self.lock(); alive && !alive->over) {
            alive->again = 0;
            alive->await_taken();
          }
        });
      }
      return;
    }
    const auto tell = std::exchange(broken, nullptr);
    close();
    tell();
  }
};

TlsBridge::TlsBridge(EventLoop& loop,
                     Fd server,
                     const std::string& name,
                     std::function<void(dsl::Result<Fd>)> ready,
                     std::function<void()> broken)
    : impl_(std::make_shared<Impl>(loop, std::move(server), std::move(ready), std::move(broken))) {
  loop.post([impl = std::weak_ptr<Impl>(impl_), name] {
    if (const auto alive = impl.lock(); alive && !alive->over) {
      alive->begin(name);
    }
  });
}

TlsBridge::~TlsBridge() {
  impl_->close();
}

}  // namespace runner
