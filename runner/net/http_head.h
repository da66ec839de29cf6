#pragma once

// The head of an HTTP/1 request, read so strictly that no server can read it in another way
// (RFC 9112, without anything that it calls obsolete). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace runner {

struct HttpHead {
  std::string host;       // canonical name of the Host header; "" where it is no host's name
  std::string host_text;  // as it was sent
  std::optional<std::uint16_t> port;  // that it names
  bool other_target = false;          // the request line names another host than the header
  std::uint64_t length = 0;           // of the body, in bytes
  bool chunked = false;
  bool websocket = false;  // asks to switch to WebSocket
};

/// `head`: from the request line to the empty line, both ends included. Nothing where it is no
/// request that only one meaning can be given to.
std::optional<HttpHead> read_http_head(std::string_view head);

/// The length of the chunk that this line (without its end) begins, or nothing.
std::optional<std::uint64_t> read_chunk_size(std::string_view line);

/// A field of a head or trailer, without its line's end.
bool is_http_field(std::string_view line);

}  // namespace runner
