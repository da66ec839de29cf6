#include "runner/net/connection.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include "runner/net/socket_address.h"
#include "runner/sys/send.h"

namespace runner {
namespace {

using Reason = EgressDenied::Reason;

constexpr std::size_t kReadSize = 64 << 10;

void set_option(const Fd& socket, int level, int name, int value) {
  setsockopt(socket.get(), level, name, &value, sizeof(value));
}

/// The other side sees a reset, and never an end that it could take for the whole.
void reset(Fd& socket) {
  if (socket) {
    const linger at_once{1, 0};
    setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    socket.reset();
  }
}

/// Where values go, a request is for that name alone, whatever rule let it in: another Host could
/// be served by the same server.
ClientStream::Target injecting(ClientStream::Target target, bool injects) {
  target.injects = injects;
  target.any_name = target.any_name && !injects;
  return target;
}

}  // namespace

Connection::Connection(ConnectionHome& home,
                       Fd client,
                       ClientStream::Target target,
                       std::string rule)
    : home_(home),
      upstream_(home.injection.upstream(target.name, target.port)),
      target_(injecting(std::move(target), upstream_.has_value())),
      rule_(std::move(rule)),
      dial_port_(target_.port),
      client_(std::move(client)),
      stream_(target_) {
  set_option(client_, IPPROTO_TCP, TCP_NODELAY, 1);
}

Connection::Connection(
    ConnectionHome& home, Fd client, ClientStream::Target target, std::string rule, Destinations to)
    : home_(home),
      target_(std::move(target)),
      rule_(std::move(rule)),
      itself_(std::move(to)),
      dial_port_(target_.port),
      client_(std::move(client)),
      stream_(target_),
      through_(true) {
  set_option(client_, IPPROTO_TCP, TCP_NODELAY, 1);
}

Connection::~Connection() {
  abort();
}

void Connection::start() {
  if (itself_) {
    dialled_ = true;
    dial(*itself_);
  } else if (is_web_port(target_.port) || target_.injects) {
    time_hello();
    watch_client();
  } else {
    resolve();  // its server may be the one that speaks first
  }
}

void Connection::start_dialled() {
  if (!upstream_ || aim()) {
    resolve();
  }
}

void Connection::abort() {
  unwatch_client();
  if (server_watch_ != 0) {
    home_.loop.unwatch(std::exchange(server_watch_, 0));
  }
  for (EventLoop::Timer* const timer : {&hello_timer_, &dial_timer_}) {
    if (*timer != 0) {
      home_.loop.cancel_timer(std::exchange(*timer, 0));
    }
  }
  to_server_.reset();
  to_client_.reset();
  bridge_.reset();
  reset(server_);
  reset(client_);
}

// ---- from the client -------------------------------------------------------------------------

void Connection::watch_client() {
  if (client_watch_ == 0) {
    client_watch_ = home_.loop.watch_readable(client_.get(), [this, self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        on_client_readable();
      }
    });
  }
}

void Connection::unwatch_client() {
  if (client_watch_ != 0) {
    home_.loop.unwatch(std::exchange(client_watch_, 0));
  }
}

void Connection::time_hello() {
  if (hello_timer_ == 0) {
    hello_timer_ = home_.loop.start_timer(home_.hello_time, [this, self = weak_from_this()] {
      if (const auto alive = self.lock()) {
        hello_timer_ = 0;
        refuse(Reason::NoHello);
      }
    });
  }
}

void Connection::on_client_readable() {
  static std::array<char, kReadSize> buffer;  // one for all: loop thread, and nothing is kept in it
  const ssize_t got = recv(client_.get(), buffer.data(), buffer.size(), 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return;
  }
  if (got < 0) {
    cut();
    return;
  }
  if (got == 0) {
    on_client_end();
    return;
  }
  held_.append(buffer.data(), static_cast<std::size_t>(got));
  examine();
}

void Connection::on_client_end() {
  unwatch_client();
  client_ended_ = true;
  if (!held_.empty() || !connected_) {
    cut();  // half of something, or gone before anything was decided
    return;
  }
  flush();
}

void Connection::examine() {
  Looked looked = stream_.look(held_);
  if (looked.head != Looked::kNoHead) {
    std::string head = held_.substr(looked.head, looked.clear - looked.head);
    cleared_.append(held_, 0, looked.head);
    held_.erase(0, looked.clear);
    fill(std::move(head));
    return;
  }
  cleared_.append(held_, 0, looked.clear);
  held_.erase(0, looked.clear);
  if (looked.then == Looked::Then::Refuse) {
    refuse(looked.reason, std::move(looked.seen));
    return;
  }
  through_ = looked.then == Looked::Then::Through;
  awaits_answer_ = looked.then == Looked::Then::Answer;
  // Only what goes on wins time, not what trickles in.
  const bool waits_for_more = !held_.empty() && !awaits_answer_;
  if (hello_timer_ != 0 && (!waits_for_more || looked.clear > 0)) {
    home_.loop.cancel_timer(std::exchange(hello_timer_, 0));
  }
  if (waits_for_more) {
    time_hello();
  }
  if (connected_) {
    flush();
  } else if (!cleared_.empty()) {
    unwatch_client();
    resolve();
  }
}

/// Lets a request's head on, with what secrets put into it. Nothing is read meanwhile.
void Connection::fill(std::string head) {
  if (head.starts_with("TRACE ")) {
    refuse(Reason::Http, "TRACE, which would answer with what was sent");
    return;
  }
  if (!dialled_ && !aim()) {
    return;
  }
  if (hello_timer_ != 0) {
    home_.loop.cancel_timer(std::exchange(hello_timer_, 0));
  }
  unwatch_client();
  home_.injection.fill(std::move(head),
                       target_.name,
                       *upstream_,
                       [self = weak_from_this()](dsl::Result<std::string> filled) {
                         const auto alive = self.lock();
                         if (!alive || !alive->client_) {
                           return;  // was cut meanwhile
                         }
                         if (!filled) {
                           alive->refuse(Reason::Unreachable, filled.error().message);
                           return;
                         }
                         alive->cleared_ += *filled;
                         alive->examine();
                       });
}

/// Sends what was let on, and then goes on with what comes next.
void Connection::flush() {
  const Sent sent = send_from(server_.get(), cleared_);
  if (sent == Sent::Blocked) {
    unwatch_client();
    if (server_watch_ == 0) {
      server_watch_ = home_.loop.watch_writable(server_.get(), [this, self = weak_from_this()] {
        if (const auto alive = self.lock()) {
          flush();
        }
      });
    }
    return;
  }
  if (sent == Sent::Broken) {
    unwatch_client();
    on_splice_end(true, Splice::End::Unread);
    return;
  }
  if (server_watch_ != 0) {
    home_.loop.unwatch(std::exchange(server_watch_, 0));
  }
  if (client_ended_) {
    shutdown(server_.get(), SHUT_WR);
    on_splice_end(true, Splice::End::Whole);
  } else if (through_) {
    unwatch_client();
    to_server_ =
        std::make_unique<Splice>(home_.loop, client_.get(), server_.get(), [this](Splice::End how) {
          on_splice_end(true, how);
        });
    to_server_->start();
  } else if (awaits_answer_) {
    unwatch_client();
    await_answer();
  } else {
    watch_client();
  }
}

/// Looks at how the answer begins, and leaves it where it is.
void Connection::await_answer() {
  if (to_client_done_) {
    cut();
    return;
  }
  to_client_->pause();
  set_option(server_, SOL_SOCKET, SO_RCVLOWAT, ClientStream::kAnswerSize);
  server_watch_ = home_.loop.watch_readable(server_.get(), [this, self = weak_from_this()] {
    const auto alive = self.lock();
    if (!alive) {
      return;
    }
    std::array<char, ClientStream::kAnswerSize> begin{};
    const ssize_t got = recv(server_.get(), begin.data(), begin.size(), MSG_PEEK | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    home_.loop.unwatch(std::exchange(server_watch_, 0));
    set_option(server_, SOL_SOCKET, SO_RCVLOWAT, 1);
    stream_.answered({begin.data(), got > 0 ? static_cast<std::size_t>(got) : 0});
    to_client_->start();
    examine();
  });
}

// ---- to the server ---------------------------------------------------------------------------

/// Chooses how the server is spoken to where secrets are for it. False: it was refused.
bool Connection::aim() {
  if (!upstream_->tls) {
    return true;
  }
  dial_port_ = upstream_->port;
  tls_ = true;
  if (home_.policy.find(target_.name, upstream_->port) == nullptr) {
    refuse(Reason::Port, std::to_string(upstream_->port) + ", where the secret is sent by TLS");
    return false;
  }
  return true;
}

void Connection::resolve() {
  if (std::exchange(dialled_, true)) {
    return;
  }
  if (home_.stand_in) {
    if (std::optional<Fd> other = home_.stand_in(target_.name)) {
      server_ = std::move(*other);
      if (server_) {
        on_connected();
      } else {
        refuse(Reason::Busy);
      }
      return;
    }
  }
  home_.resolver.resolve(
      target_.name,
      [self = weak_from_this()](const dsl::Result<std::vector<dsl::IpAddress>>& found) {
        if (const auto alive = self.lock()) {
          alive->on_resolved(found);
        }
      });
}

void Connection::on_resolved(const dsl::Result<std::vector<dsl::IpAddress>>& found) {
  if (!client_) {
    return;  // was cut meanwhile
  }
  if (!found) {
    refuse(Reason::Unresolved, found.error().message);
    return;
  }
  dial(choose_destinations(*found, home_.policy, target_.name, dial_port_, home_.own_addresses()));
}

void Connection::dial(Destinations chosen) {
  if (chosen.allowed.empty()) {
    refuse(Reason::Address,
           chosen.refused->text() + " (" + std::string(to_text(chosen.refused_as)) + ")");
    return;
  }
  to_try_ = std::move(chosen.allowed);
  std::reverse(to_try_.begin(), to_try_.end());
  dial_next();
}

void Connection::dial_next() {
  if (server_watch_ != 0) {
    home_.loop.unwatch(std::exchange(server_watch_, 0));
  }
  if (dial_timer_ != 0) {
    home_.loop.cancel_timer(std::exchange(dial_timer_, 0));
  }
  while (!to_try_.empty()) {
    const dsl::IpAddress address = to_try_.back();
    to_try_.pop_back();
    SocketAddress to;
    const socklen_t size = to_socket_address(address, dial_port_, to);
    server_ = Fd(socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (server_ && (connect(server_.get(), &to.any, size) == 0 || errno == EINPROGRESS)) {
      last_trouble_ = address.text();
      server_watch_ = home_.loop.watch_writable(server_.get(), [this, self = weak_from_this()] {
        if (const auto alive = self.lock()) {
          on_dialled();
        }
      });
      dial_timer_ = home_.loop.start_timer(kDialTime, [this, self = weak_from_this()] {
        if (const auto alive = self.lock()) {
          dial_timer_ = 0;
          last_trouble_ += ": no answer";
          dial_next();
        }
      });
      return;
    }
    last_trouble_ = address.text() + ": " + strerrordesc_np(errno);
  }
  refuse(Reason::Unreachable, last_trouble_);
}

void Connection::on_dialled() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (getsockopt(server_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
    error = errno;
  }
  if (error != 0) {
    last_trouble_ += std::string(": ") + strerrordesc_np(error);
    dial_next();
    return;
  }
  home_.loop.unwatch(std::exchange(server_watch_, 0));
  home_.loop.cancel_timer(std::exchange(dial_timer_, 0));
  if (tls_) {
    speak_tls();
  } else {
    on_connected();
  }
}

void Connection::speak_tls() {
  dial_timer_ = home_.loop.start_timer(kDialTime, [this, self = weak_from_this()] {
    if (const auto alive = self.lock()) {
      dial_timer_ = 0;
      refuse(Reason::Unreachable, last_trouble_ + ": no TLS with it in time");
    }
  });
  bridge_ = std::make_unique<TlsBridge>(
      home_.loop,
      std::move(server_),
      target_.name,
      [this](dsl::Result<Fd> plain) {
        home_.loop.cancel_timer(std::exchange(dial_timer_, 0));
        if (plain) {
          server_ = *std::move(plain);
          on_connected();
        } else {
          refuse(Reason::Unreachable, last_trouble_ + ": " + plain.error().message);
        }
      },
      [this] { cut(); });
}

void Connection::on_connected() {
  connected_ = true;
  set_option(server_, IPPROTO_TCP, TCP_NODELAY, 1);
  set_option(server_, SOL_SOCKET, SO_KEEPALIVE, 1);
  to_client_ =
      std::make_unique<Splice>(home_.loop, server_.get(), client_.get(), [this](Splice::End how) {
        on_splice_end(false, how);
      });
  to_client_->start();
  flush();
}

// ---- ends ------------------------------------------------------------------------------------

void Connection::on_splice_end(bool from_client, Splice::End how) {
  const auto alive = shared_from_this();  // the last of its owners may be told below
  if (how == Splice::End::Cut) {
    cut();
    return;
  }
  (from_client ? to_server_done_ : to_client_done_) = true;
  if (!from_client && how == Splice::End::Unread) {
    cut();  // the client is gone; nobody wants what it still sends
    return;
  }
  finish_if_done();
}

void Connection::finish_if_done() {
  if (to_server_done_ && to_client_done_) {
    unwatch_client();
    server_.reset();
    client_.reset();
    home_.ended(*this);
  }
}

void Connection::refuse(Reason reason, std::string seen) {
  EgressDenied denied;
  denied.name = target_.name;
  denied.port = target_.port;
  denied.reason = reason;
  denied.rule = rule_;
  denied.seen = std::move(seen);
  const auto alive = shared_from_this();
  home_.denied(std::move(denied));
  cut();
}

void Connection::cut() {
  const auto alive = shared_from_this();
  abort();
  home_.ended(*this);
}

}  // namespace runner
