#include "runner/net/client_stream.h"

#include <algorithm>
#include <utility>

#include "dsl/egress.h"
#include "runner/net/client_hello.h"
#include "runner/net/http_head.h"
#include "runner/net/http_word.h"

namespace runner {
namespace {

using Reason = EgressDenied::Reason;

constexpr unsigned kChangeCipher = 20;
constexpr unsigned kAlert = 21;
constexpr unsigned kHandshake = 22;
constexpr unsigned kData = 23;
constexpr unsigned kClientHello = 1;
constexpr unsigned kVersionMajor = 3;
constexpr std::size_t kRecordHeader = 5;
/// Of a handshake message: kind, length, and the first byte of a hello's version.
constexpr std::size_t kHelloBegin = 5;
constexpr std::size_t kMostRecord = (1 << 14) + 2048;

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

Looked pass(std::size_t clear) {
  Looked looked;
  looked.clear = clear;
  return looked;
}

Looked through(std::size_t clear) {
  Looked looked = pass(clear);
  looked.then = Looked::Then::Through;
  return looked;
}

Looked refuse(Reason reason, std::string seen = "") {
  Looked looked;
  looked.then = Looked::Then::Refuse;
  looked.reason = reason;
  looked.seen = std::move(seen);
  return looked;
}

constexpr std::string_view kBlanks = " \t\v\f\r\n";

/// What a request line begins with: a method in capitals, and then a space.
bool begins_as_http(std::string_view held) {
  const std::string_view method = held.substr(0, held.find(' '));
  return std::all_of(
      method.begin(), method.end(), [](char c) { return (c >= 'A' && c <= 'Z') || c == '-'; });
}

/// What some server takes for the beginning of a request line: servers differ in the methods and
/// blanks that they take.
bool may_be_taken_for_http(std::string_view held) {
  const std::string_view method = held.substr(0, held.find_first_of(kBlanks));
  return std::all_of(method.begin(), method.end(), is_http_token_byte);
}

/// As LDAP and git's own protocol have, whose first bytes are no line.
bool has_control_byte(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    return (static_cast<unsigned char>(c) < ' ' && kBlanks.find(c) == std::string_view::npos) ||
           c == '\x7f';
  });
}

bool names_http(std::string_view line) {
  constexpr std::string_view kVersion = "HTTP/";
  for (std::size_t at = 0; at + kVersion.size() <= line.size(); ++at) {
    if (is_same_word(line.substr(at, kVersion.size()), kVersion)) {
      return true;
    }
  }
  return false;
}

}  // namespace

bool is_web_port(std::uint16_t port) {
  constexpr std::uint16_t kWebPorts[] = {80, 443, 3000, 5000, 8000, 8008, 8080, 8081, 8443, 8888};
  return std::find(std::begin(kWebPorts), std::end(kWebPorts), port) != std::end(kWebPorts);
}

ClientStream::ClientStream(Target target) : target_(std::move(target)) {}

Looked ClientStream::look(std::string_view held) {
  Looked total;
  for (;;) {
    const State before = state_;
    const std::string_view rest = held.substr(total.clear);
    if (rest.empty() && before != State::Through && before != State::HttpAnswer) {
      return total;
    }
    Looked one = step(rest);
    one.head += one.head == Looked::kNoHead ? 0 : total.clear;
    one.clear += total.clear;
    total = std::move(one);
    if (total.then != Looked::Then::Look || total.head != Looked::kNoHead) {
      return total;
    }
    const bool progress = held.size() - total.clear < rest.size() || state_ != before;
    if (!progress) {
      return rest.size() >= kMostHeld ? refuse(Reason::LongHello) : total;
    }
  }
}

void ClientStream::answered(std::string_view begin) {
  const bool switched = begin.size() >= kAnswerSize && begin.substr(0, 7) == "HTTP/1." &&
                        begin.substr(8, 4) == " 101";
  state_ = switched ? State::Through : State::HttpHead;
}

Looked ClientStream::step(std::string_view held) {
  switch (state_) {
    case State::Opening:
      return open(held);
    case State::FirstLine:
      return see_first_line(held);
    case State::TlsHello:
      return see_hello(held);
    case State::TlsRecords:
      return see_record(held);
    case State::HttpHead:
      return see_head(held);
    case State::HttpBody:
      return see_body(held);
    case State::HttpChunkLine:
      return see_chunk_line(held);
    case State::HttpChunkEnd:
      return see_chunk_end(held);
    case State::HttpTrailer:
      return see_trailer(held);
    case State::HttpAnswer: {
      Looked looked;
      looked.then = Looked::Then::Answer;
      return looked;
    }
    case State::Through:
      return through(held.size());
  }
  return refuse(Reason::Protocol);
}

Looked ClientStream::open(std::string_view held) {
  const bool web = is_web_port(target_.port) || target_.injects;
  const auto other = [&] {
    if (web) {
      return refuse(Reason::Protocol);
    }
    state_ = State::Through;
    return pass(0);
  };
  if (byte_at(held, 0) == kHandshake) {
    if (held.size() < 2) {
      return pass(0);
    }
    if (byte_at(held, 1) != kVersionMajor) {
      return other();
    }
    state_ = State::TlsHello;
    return pass(0);
  }
  if (!web) {
    // Servers of HTTP skip them, and to others they are nothing that a Host could hide behind.
    if (const std::size_t blanks = std::min(held.find_first_not_of(kBlanks), held.size());
        blanks > 0) {
      return pass(blanks);
    }
  }
  if (!(web ? begins_as_http(held) : may_be_taken_for_http(held))) {
    return other();
  }
  const std::size_t end = held.find('\n');
  const std::string_view line = held.substr(0, end);
  const bool waits = web || (begins_as_http(line) && !has_control_byte(line));
  if (end == std::string_view::npos) {
    state_ = waits ? State::Opening : State::FirstLine;
    return pass(0);
  }
  if (!names_http(line)) {
    return other();
  }
  if (!waits) {
    return refuse(Reason::Http);  // as where it came in pieces, of which some went on
  }
  state_ = State::HttpHead;
  return pass(0);
}

/// Goes on as it comes, since its server may have to answer it; but before the first request could
/// be whole, it is known whether it was the beginning of one.
Looked ClientStream::see_first_line(std::string_view held) {
  const std::size_t end = held.find('\n');
  const std::string_view some = held.substr(0, end);
  line_ += some;
  if (end == std::string_view::npos && line_.size() < kMostHeld) {
    return pass(some.size());
  }
  if (may_be_taken_for_http(line_) && names_http(line_)) {
    return refuse(Reason::Http);
  }
  state_ = State::Through;
  return pass(0);
}

// ---- TLS -------------------------------------------------------------------------------------

Looked ClientStream::see_hello(std::string_view held) {
  const ClientHello hello = read_client_hello(held);
  switch (hello.state) {
    case ClientHello::State::Incomplete:
      return pass(0);
    case ClientHello::State::Broken:
      return refuse(Reason::Tls);
    case ClientHello::State::Whole:
      break;
  }
  if (hello.size > kMostHeld) {
    return refuse(Reason::LongHello);
  }
  if (!target_.any_name) {
    if (hello.encrypted) {
      return refuse(Reason::Tls, "an encrypted client hello");
    }
    if (!is_name(hello.server_name)) {
      return refuse(Reason::Sni, hello.server_name);
    }
  }
  state_ = State::TlsRecords;
  body_left_ = 0;
  early_data_ = early_data_ || hello.early_data;
  return pass(hello.size);
}

/// Whether the server asks for a second hello is seen only by what the client sends next: that
/// hello, perhaps behind a change of cipher (or early data), or anything else, after which no hello
/// in clear can come any more.
Looked ClientStream::see_record(std::string_view held) {
  if (body_left_ > 0) {
    return see_body(held);
  }
  if (held.size() < kRecordHeader) {
    return pass(0);
  }
  const unsigned kind = byte_at(held, 0);
  const std::size_t size = byte_at(held, 3) << 8 | byte_at(held, 4);
  if (byte_at(held, 1) != kVersionMajor || size > kMostRecord || kind < kChangeCipher ||
      kind > kData) {
    return refuse(Reason::Tls);
  }
  if (kind == kHandshake) {
    const std::size_t begin = std::min(size, kHelloBegin);
    if (held.size() < kRecordHeader + begin) {
      return pass(0);
    }
    const std::string_view message = held.substr(kRecordHeader, begin);
    // An encrypted message may begin with any byte, but hardly with all that a hello begins with;
    // and none is as short as the pieces that a hello may be cut into.
    const bool hello =
        begin > 0 && byte_at(message, 0) == kClientHello &&
        (begin < kHelloBegin || (byte_at(message, 1) == 0 && byte_at(message, 4) == kVersionMajor));
    state_ = hello ? State::TlsHello : State::Through;
    return pass(0);
  }
  if (kind == kData && !early_data_) {
    state_ = State::Through;
    return pass(0);
  }
  body_left_ = size;
  return pass(kRecordHeader);
}

// ---- HTTP ------------------------------------------------------------------------------------

Looked ClientStream::see_head(std::string_view held) {
  const std::size_t end = held.find("\r\n\r\n");
  const std::size_t size = end == std::string_view::npos ? held.size() : end + 4;
  if (size > kMostHeld) {
    return refuse(Reason::LongHello);
  }
  if (end == std::string_view::npos) {
    // A line that ends without CR would end the head for some servers.
    const std::size_t bare = held.find("\n\n");
    return bare == std::string_view::npos ? pass(0) : refuse(Reason::Http);
  }
  const auto head = read_http_head(held.substr(0, size));
  if (!head) {
    return refuse(Reason::Http);
  }
  if (!target_.any_name) {
    const bool other_port = head->port && *head->port != target_.port;
    if (head->host != target_.name || head->other_target || other_port) {
      return refuse(Reason::Host, head->host_text);
    }
  }
  if (head->websocket && requested_) {
    return refuse(Reason::Http,
                  "a WebSocket on a connection that had another request before; it needs its own");
  }
  requested_ = true;
  chunked_ = head->chunked;
  body_left_ = head->length;
  state_ = head->websocket  ? State::HttpAnswer
           : chunked_       ? State::HttpChunkLine
           : body_left_ > 0 ? State::HttpBody
                            : State::HttpHead;
  Looked looked = pass(size);
  if (target_.injects) {
    looked.head = 0;
  }
  return looked;
}

/// Bytes that are passed unseen: a body, a chunk's data, a TLS record.
Looked ClientStream::see_body(std::string_view held) {
  const std::size_t clear =
      static_cast<std::size_t>(std::min<std::uint64_t>(held.size(), body_left_));
  body_left_ -= clear;
  if (body_left_ == 0 && state_ == State::HttpBody) {
    state_ = chunked_ ? State::HttpChunkEnd : State::HttpHead;
  }
  return pass(clear);
}

Looked ClientStream::see_chunk_line(std::string_view held) {
  const std::size_t end = held.find("\r\n");
  if (end == std::string_view::npos) {
    return pass(0);
  }
  const auto size = read_chunk_size(held.substr(0, end));
  if (!size) {
    return refuse(Reason::Http);
  }
  body_left_ = *size;
  state_ = *size == 0 ? State::HttpTrailer : State::HttpBody;
  return pass(end + 2);
}

Looked ClientStream::see_chunk_end(std::string_view held) {
  if (held.size() < 2) {
    return pass(0);
  }
  if (held.substr(0, 2) != "\r\n") {
    return refuse(Reason::Http);
  }
  state_ = State::HttpChunkLine;
  return pass(2);
}

Looked ClientStream::see_trailer(std::string_view held) {
  const std::size_t end = held.find("\r\n");
  if (end == std::string_view::npos) {
    return pass(0);
  }
  if (end == 0) {
    state_ = State::HttpHead;
    return pass(2);
  }
  return is_http_field(held.substr(0, end)) ? pass(end + 2) : refuse(Reason::Http);
}

bool ClientStream::is_name(std::string_view host) const {
  return dsl::canonical_host(host) == target_.name;
}

}  // namespace runner
