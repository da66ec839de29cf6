#pragma once

// Where a secret may be sent: the entries of `hosts:`, and the text of `header:`. A Plan holds them
// as `to_text` writes them; the gateway (runner/net) decides by them. Pure; any thread.
//
//   api.github.com            TLS, port 443; the task may say http://api.github.com as well, and
//                             the gateway speaks TLS to the host
//   *.example.org:8443        TLS, another port, every name below
//   http://build.internal     in clear, port 80: only where it is written so

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"

namespace dsl {

struct SecretHost {
  bool clear = false;  // sent without TLS
  bool below = false;  // every name below `host`
  std::string host;    // canonical
  std::uint16_t port = 0;

  [[nodiscard]] bool matches_name(std::string_view name) const;
  bool operator==(const SecretHost&) const = default;
};

/// An Error says what is wrong with the text and what to write.
Result<SecretHost> parse_secret_host(std::string_view text);

/// "api.github.com:443", "*.example.org:8443", "http://build.internal:80"; parse_secret_host reads
/// it back as the same.
std::string to_text(const SecretHost& host);

/// `header: "Authorization: Bearer ${value}"`: set on each request, in place of what the task sent.
struct SecretHeader {
  std::string name;
  std::string before;  // of the value
  std::string after;
};
inline constexpr std::string_view kSecretValueHole = "${value}";
Result<SecretHeader> parse_secret_header(std::string_view text);

/// The hosts of a credential that everybody knows by its name (ANTHROPIC_API_KEY, GITHUB_TOKEN, …),
/// canonical; empty for any other name.
std::vector<std::string> known_secret_hosts(std::string_view name);

}  // namespace dsl
