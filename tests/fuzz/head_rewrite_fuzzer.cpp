// Any head of a request that we take: with values in it, it is one that we take again, and asks the
// same of the same host.

#include <cstdint>
#include <string>
#include <string_view>

#include "runner/net/head_rewrite.h"
#include "runner/net/http_head.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string head(reinterpret_cast<const char*>(data), size);
  head += "\r\n\r\n";
  if (head.find("\r\n\r\n") + 4 != head.size()) {
    return 0;
  }
  const auto before = runner::read_http_head(head);
  if (!before) {
    return 0;
  }
  const std::string rewritten = runner::rewrite_head(
      head, {{"token", "", "value+of/it="}, {"other", "X-Key: k ${value}", "a value"}});
  const auto after = runner::read_http_head(rewritten);
  fuzz::require(after.has_value(), "it is still one head", rewritten);
  const bool token_in_host = before->host_text.find("token") != std::string::npos;
  fuzz::require(token_in_host || after->host == before->host, "for the same host", rewritten);
  fuzz::require(after->length == before->length && after->chunked == before->chunked &&
                    after->websocket == before->websocket,
                "with the same body",
                rewritten);
  fuzz::require(rewritten.substr(0, rewritten.find("\r\n")) == head.substr(0, head.find("\r\n")),
                "with the same request line",
                rewritten);
  return 0;
}
