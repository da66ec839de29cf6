#include "runner/net/http_head.h"

#include <algorithm>
#include <charconv>

#include "dsl/egress.h"
#include "runner/net/http_word.h"

namespace runner {
namespace {

constexpr std::size_t kMostDigits = 18;     // of a length; fits 64 bits
constexpr std::size_t kMostHexDigits = 15;  // of a chunk's size

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_http_token_byte);
}

bool is_value_byte(char c) {
  return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != '\x7f');
}

bool is_target_byte(char c) {
  return c > ' ' && c < '\x7f';
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

/// Some element of the comma-separated list is `word`.
bool has_word(std::string_view list, std::string_view word) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    if (is_same_word(trim(list.substr(begin, comma - begin)), word)) {
      return true;
    }
    begin = comma + 1;
  }
  return false;
}

struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;
};

std::optional<Authority> read_authority(std::string_view text) {
  Authority authority;
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    authority.port = port;
  }
  authority.host = dsl::canonical_host(text.substr(0, colon)).value_or("");
  return authority;
}

class HeadReader {
 public:
  explicit HeadReader(std::string_view head) : rest_(head) {}

  std::optional<HttpHead> read() {
    if (!read_request_line(next_line())) {
      return std::nullopt;
    }
    for (std::string_view line = next_line(); !line.empty(); line = next_line()) {
      if (!is_http_field(line) || !take_field(line)) {
        return std::nullopt;
      }
    }
    if (!rest_.empty() || cut_off_ || !host_ || (length_ && head_.chunked) ||
        (old_ && head_.chunked) || (head_.websocket && (length_ || head_.chunked))) {
      return std::nullopt;
    }
    head_.length = length_.value_or(0);
    head_.websocket = head_.websocket && upgrade_ && !old_;
    if (upgrade_ && !head_.websocket) {
      return std::nullopt;
    }
    return head_;
  }

  /// The authority that the request line names, "" none.
  [[nodiscard]] std::string_view target() const { return target_; }

 private:
  std::string_view next_line() {
    const std::size_t end = rest_.find("\r\n");
    if (end == std::string_view::npos) {
      cut_off_ = true;
      return {};
    }
    const std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end + 2);
    return line;
  }

  bool read_request_line(std::string_view line) {
    const std::size_t first = line.find(' ');
    const std::size_t last = line.rfind(' ');
    if (first == std::string_view::npos || first == last) {
      return false;
    }
    const std::string_view method = line.substr(0, first);
    const std::string_view target = line.substr(first + 1, last - first - 1);
    const std::string_view version = line.substr(last + 1);
    old_ = version == "HTTP/1.0";
    if (!is_token(method) || is_same_word(method, "connect") || is_same_word(method, "pri") ||
        target.empty() || !std::all_of(target.begin(), target.end(), is_target_byte) ||
        (!old_ && version != "HTTP/1.1")) {
      return false;
    }
    if (target.front() == '/' || (target == "*" && method == "OPTIONS")) {
      return true;
    }
    constexpr std::string_view kScheme = "http://";
    if (!is_same_word(target.substr(0, kScheme.size()), kScheme)) {
      return false;
    }
    target_ = target.substr(kScheme.size());
    target_ = target_.substr(0, target_.find_first_of("/?#"));
    return !target_.empty();
  }

  bool take_field(std::string_view line) {
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (is_same_word(name, "host")) {
      return take_host(value);
    }
    if (is_same_word(name, "content-length")) {
      return take_length(value);
    }
    if (is_same_word(name, "transfer-encoding")) {
      const bool first = !head_.chunked;
      head_.chunked = is_same_word(value, "chunked");
      return first && head_.chunked;
    }
    if (is_same_word(name, "upgrade")) {
      const bool first = !head_.websocket;
      head_.websocket = is_same_word(value, "websocket");
      return first && head_.websocket;
    }
    if (is_same_word(name, "connection")) {
      upgrade_ = upgrade_ || has_word(value, "upgrade");
      // A field that this connection's next reader removes could be one that was looked at.
      return !has_word(value, "host") && !has_word(value, "content-length") &&
             !has_word(value, "transfer-encoding");
    }
    return !is_same_word(name, "http2-settings");
  }

  bool take_host(std::string_view value) {
    const auto authority = read_authority(value);
    if (host_ || !authority) {
      return false;
    }
    host_ = true;
    head_.host = authority->host;
    head_.host_text = value;
    head_.port = authority->port;
    return true;
  }

  bool take_length(std::string_view value) {
    const bool digits =
        !value.empty() && value.size() <= kMostDigits &&
        std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits || length_) {
      return false;
    }
    std::uint64_t length = 0;
    std::from_chars(value.data(), value.data() + value.size(), length);
    length_ = length;
    return true;
  }

  std::string_view rest_;
  HttpHead head_;
  std::string_view target_;
  std::optional<std::uint64_t> length_;
  bool host_ = false;
  bool old_ = false;      // HTTP/1.0
  bool upgrade_ = false;  // Connection: upgrade
  bool cut_off_ = false;
};

}  // namespace

bool is_http_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  return colon != std::string_view::npos && is_token(line.substr(0, colon)) &&
         std::all_of(line.begin(), line.end(), is_value_byte);
}

std::optional<HttpHead> read_http_head(std::string_view head) {
  HeadReader reader(head);
  auto read = reader.read();
  if (read && !reader.target().empty()) {
    const auto target = read_authority(reader.target());
    read->other_target = !target || target->host != read->host || target->port != read->port;
  }
  return read;
}

std::optional<std::uint64_t> read_chunk_size(std::string_view line) {
  const std::string_view digits = line.substr(0, line.find_first_of("; \t"));
  const std::string_view extension = trim(line.substr(digits.size()));
  std::uint64_t size = 0;
  const auto [end, failure] =
      std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
  if (digits.empty() || digits.size() > kMostHexDigits || failure != std::errc{} ||
      end != digits.data() + digits.size() || digits.front() == '-' ||
      (!extension.empty() && extension.front() != ';') ||
      !std::all_of(line.begin(), line.end(), is_value_byte)) {
    return std::nullopt;
  }
  return size;
}

}  // namespace runner
