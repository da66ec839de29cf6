#include "runner/engine/broker_session.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <fmt/format.h>

#include "runner/engine/container_api.h"
#include "runner/engine/container_socket.h"
#include "runner/sys/send.h"

namespace runner {
namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kLongestHead = 16 << 10;
constexpr std::uint64_t kLongestBody = 1 << 20;
constexpr std::size_t kEarly = 64 << 10;      // that a node may say before it is listened to
constexpr std::size_t kMostUnread = 8 << 20;  // that a node lets lie before it is cut off
constexpr std::size_t kMostUnsent = 1 << 20;  // to a container that does not read
constexpr dsl::Duration kPause{20};

std::string answer_text(const BrokerAnswer& answer) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: "
      "application/json\r\nContent-Length: {}\r\n"
      "Connection: close\r\n\r\n{}",
      answer.status,
      answer.status < 300 ? "OK" : "Refused",
      answer.body.size(),
      answer.body);
}

}  // namespace

struct BrokerSession::Impl : std::enable_shared_from_this<BrokerSession::Impl> {
  enum class State {
    Request,   // comes in
    Decision,  // is made; nobody reads the node
    Reply,     // goes out; what the node says meanwhile means nothing
    Agreeing,  // the daemon was asked to hand the connection over
    Talk,      // it was: both sides speak as they like
    Last,      // what is left to send, then the end
    Over,
  };

  Impl(Home the_home, Fd the_client, BrokerSession* the_session)
      : home(std::move(the_home)),
        session(the_session),
        client(std::move(the_client)),
        daemon(home.loop, home.daemon) {
    parser.header_limit(kLongestHead);
    parser.body_limit(kLongestBody);
    parser.eager(true);
  }

  void watch() {
    if (readable == 0) {
      readable = home.loop.watch_readable(client.get(), [this] { read(); });
    }
  }
  void pause() {
    if (readable != 0) {
      home.loop.unwatch(std::exchange(readable, 0));
    }
  }

  // ---- The node's side ----

  void read() {
    const auto alive = shared_from_this();
    std::array<char, 16 << 10> bytes{};
    const ssize_t got = recv(client.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    if (got <= 0) {
      on_node_silent();
      return;
    }
    const std::string_view said(bytes.data(), static_cast<std::size_t>(got));
    switch (state) {
      case State::Request:
        on_request_bytes(said);
        return;
      case State::Talk:
        to_daemon(said);
        return;
      case State::Agreeing:
        early += said;
        if (early.size() > kEarly) {
          close();
        }
        return;
      case State::Reply:  // one request a connection: a second one goes nowhere
      case State::Decision:
      case State::Last:
      case State::Over:
        return;
    }
  }

  /// Its end of the connection is closed. A container may still have something
  /// to say to it.
  void on_node_silent() {
    pause();
    if (state == State::Talk) {
      daemon.finish();
    } else if (state == State::Agreeing) {
      silent = true;
    } else if (state != State::Decision) {
      close();
    }
  }

  void on_request_bytes(std::string_view said) {
    pending += said;
    boost::beast::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(pending), error);
    pending.erase(0, used);
    if (error && error != http::error::need_more) {
      answer(broker_refusal(400, error.message()));
      return;
    }
    if (!parser.is_done()) {
      if (pending.size() > kLongestHead) {
        answer(broker_refusal(400, "the request's head is too long"));
      }
      return;
    }
    pause();
    pending.clear();
    state = State::Decision;
    const auto& message = parser.get();
    const BrokerRequest request{
        std::string(message.method_string()), std::string(message.target()), message.body()};
    home.ask(request, [weak = weak_from_this()](BrokerDecision decision) {
      if (const auto self = weak.lock(); self && self->state == State::Decision) {
        self->obey(std::move(decision));
      }
    });
  }

  void obey(BrokerDecision decision) {
    if (const auto* const own = std::get_if<BrokerAnswer>(&decision)) {
      answer(*own);
      return;
    }
    const auto& call = std::get<BrokerCall>(decision);
    const bool talks = call.reply == BrokerCall::Reply::Hijacked;
    state = talks ? State::Agreeing : State::Reply;
    ApiCall asked;
    asked.method = call.method;
    asked.path = call.before;
    asked.body = call.body;
    daemon.open(
        request_text(asked, talks ? After::Stream : After::Close),
        [this](std::string_view bytes) { on_daemon(bytes); },
        [this](const dsl::Error& error) { answer(broker_refusal(502, error.message)); });
    watch();
  }

  void to_daemon(std::string_view bytes) {
    daemon.send(bytes);
    if (daemon.unsent() <= kMostUnsent) {
      return;
    }
    pause();
    wait_for_daemon();
  }

  void wait_for_daemon() {
    timer = home.loop.start_timer(kPause, [this] {
      timer = 0;
      if (daemon.unsent() > kMostUnsent) {
        wait_for_daemon();
      } else {
        watch();
      }
    });
  }

  // ---- The daemon's side ----

  void on_daemon(std::string_view bytes) {
    const auto alive = shared_from_this();
    if (bytes.empty()) {
      daemon.close();
      last(State::Last);
      return;
    }
    if (state == State::Agreeing) {
      on_agreement(bytes);
      return;
    }
    to_node(bytes);
  }

  /// Only after a 101 does the daemon not look for a next request in what the
  /// node says: until then it must hear nothing of it.
  void on_agreement(std::string_view bytes) {
    head += bytes;
    const std::size_t end = head.find("\r\n\r\n");
    if (end == std::string::npos) {
      if (head.size() > kLongestHead) {
        answer(broker_refusal(502, "the daemon's answer has no end"));
      }
      return;
    }
    if (!head.starts_with("HTTP/1.1 101 ")) {
      daemon.close();
      const unsigned status = head.starts_with("HTTP/1.1 4") ? 409 : 502;
      const std::string body = head.substr(end + 4);
      answer(status == 409 && body.starts_with('{') ? BrokerAnswer{status, body}
                                                    : broker_refusal(status, "the daemon refuses"));
      return;
    }
    state = State::Talk;
    to_node(head);
    head.clear();
    if (state != State::Talk) {
      return;
    }
    to_daemon(std::exchange(early, {}));
    if (silent) {
      daemon.finish();
    }
  }

  void to_node(std::string_view bytes) {
    outgoing += bytes;
    flush();
    if (outgoing.size() > kMostUnread) {
      close();
    }
  }

  void answer(const BrokerAnswer& with) {
    daemon.close();
    outgoing += answer_text(with);
    last(State::Last);
  }

  void last(State then) {
    state = then;
    flush();
  }

  void flush() {
    const Sent sent = send_from(client.get(), outgoing);
    if (sent == Sent::Broken) {
      close();
      return;
    }
    if (sent == Sent::Blocked) {
      if (writable == 0) {
        writable = home.loop.watch_writable(client.get(), [this] {
          const auto alive = shared_from_this();
          flush();
        });
      }
      return;
    }
    if (writable != 0) {
      home.loop.unwatch(std::exchange(writable, 0));
    }
    if (state == State::Last) {
      close();
    }
  }

  void close() {
    if (state == State::Over) {
      return;
    }
    release();
    // Not within whatever led here.
    home.loop.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->home.over(self->session);
      }
    });
  }

  void release() {
    state = State::Over;
    daemon.close();
    pause();
    if (writable != 0) {
      home.loop.unwatch(std::exchange(writable, 0));
    }
    if (timer != 0) {
      home.loop.cancel_timer(std::exchange(timer, 0));
    }
    client.reset();
  }

  const Home home;
  BrokerSession* const session;
  Fd client;
  ContainerSocket daemon;
  State state = State::Request;
  http::request_parser<http::string_body> parser;
  std::string pending;   // of the request
  std::string early;     // said before the daemon agreed
  std::string head;      // of the daemon's agreement
  std::string outgoing;  // to the node
  bool silent = false;   // the node has closed its side
  EventLoop::Watch readable = 0;
  EventLoop::Watch writable = 0;
  EventLoop::Timer timer = 0;
};

BrokerSession::BrokerSession(Home home, Fd client)
    : impl_(std::make_shared<Impl>(std::move(home), std::move(client), this)) {
  impl_->watch();
}

BrokerSession::~BrokerSession() {
  impl_->release();
  // Taken down later: we may be inside one of its own callbacks.
  EventLoop& loop = impl_->home.loop;
  loop.post([ended = std::move(impl_)] {});
}

}  // namespace runner
