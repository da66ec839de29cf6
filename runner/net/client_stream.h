#pragma once

// Looks at what a client sends to a name, before any of it goes on: what it asks for must be that
// name. Pure; one thread.
//
// What is looked at, by the port and the first bytes:
//   - TLS (0x16 0x03), on every port: the ClientHello's SNI must be the name; so must it be in the
//     second hello that a server may ask for. No SNI, or an encrypted one (ECH), is refused.
//   - HTTP/1 (a first line with "HTTP/" in it, however it is written), on every port: the Host of
//     every request must be the name. Whatever two servers could read in two ways is refused:
//     obsolete folding, two lengths, a bare CR or LF, other upgrades than to WebSocket, CONNECT,
//     HTTP/2 in clear. A WebSocket may be the first request of its connection only: behind another
//     one, what looks like the server's yes could be the body of an answer.
//   - anything else: on a port for HTTP and TLS (is_web_port), and where secrets are for the name,
//     refused, on any other port let through unseen, as SSH, databases and mail need it. There the
//     server may speak first, and blanks before the first line go on.
// A rule for every public host has no name to keep to: then SNI and Host are free.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "runner/run/egress.h"

namespace runner {

/// 80, 443 and those that web servers are put on instead.
bool is_web_port(std::uint16_t port);

/// What may be done with the bytes that have not gone on yet.
struct Looked {
  enum class Then {
    Look,     // more must come before the next byte goes on
    Answer,   // as Look, but only after the server's answer has begun: `answered`
    Through,  // everything from now on goes on unseen
    Refuse,   // nothing more goes on, ever
  };
  static constexpr auto kNoHead = static_cast<std::size_t>(-1);
  std::size_t clear = 0;       // so many may go on now
  std::size_t head = kNoHead;  // the last of these, from here on, are a request's head
  Then then = Then::Look;
  EgressDenied::Reason reason = EgressDenied::Reason::Protocol;  // of Refuse
  std::string seen;                                              // as in EgressDenied
};

class ClientStream {
 public:
  /// Of what must be whole before it is looked at: a hello, a request's head, a chunk's line.
  static constexpr std::size_t kMostHeld = 16 << 10;  // bytes
  /// Enough of an answer for `answered`.
  static constexpr std::size_t kAnswerSize = 12;  // "HTTP/1.1 101"

  struct Target {
    std::string name;
    std::uint16_t port = 0;
    bool any_name = false;  // the rule is for every public host
    bool injects = false;   // heads are told one by one (Looked::head), to be changed
  };
  explicit ClientStream(Target target);

  /// `held`: all bytes that have not gone on, from the same place in the stream as at the end of
  /// the last call's `clear`.
  Looked look(std::string_view held);

  /// After Then::Answer: the first bytes that the server sent since then.
  void answered(std::string_view begin);

 private:
  enum class State {
    Opening,
    FirstLine,   // on a port for anything, with bytes that no request line has
    TlsHello,    // the first, whole
    TlsRecords,  // until it is sure that no second hello comes
    HttpHead,
    HttpBody,
    HttpChunkLine,
    HttpChunkEnd,  // the line's end behind a chunk's data
    HttpTrailer,
    HttpAnswer,
    Through,
  };
  /// One step; no progress when `clear` is 0 and the state is the same.
  Looked step(std::string_view held);
  Looked open(std::string_view held);
  Looked see_first_line(std::string_view held);
  Looked see_hello(std::string_view held);
  Looked see_record(std::string_view held);
  Looked see_head(std::string_view held);
  Looked see_body(std::string_view held);
  Looked see_chunk_line(std::string_view held);
  Looked see_chunk_end(std::string_view held);
  Looked see_trailer(std::string_view held);
  [[nodiscard]] bool is_name(std::string_view host) const;

  const Target target_;
  State state_ = State::Opening;
  std::string line_;             // FirstLine: what has gone on
  std::uint64_t body_left_ = 0;  // HttpBody: bytes; TlsRecords: of the record that is passed
  bool chunked_ = false;
  bool requested_ = false;   // a request went on
  bool early_data_ = false;  // data may come between two hellos
};

}  // namespace runner
