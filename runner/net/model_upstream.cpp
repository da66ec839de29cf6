#include "runner/net/model_upstream.h"

#include <algorithm>
#include <charconv>

#include "dsl/egress.h"
#include "dsl/ip_address.h"

namespace runner {

namespace {

bool is_path(std::string_view path) {
  for (const char c : path) {
    if (c <= ' ' || c >= '\x7f' || c == '?' || c == '#') {
      return false;
    }
  }
  return true;
}

bool cut_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

dsl::Result<ModelUpstream> parse_model_upstream(std::string_view url) {
  const dsl::Error wrong{"'" + std::string(url) + "' is no address of a server for models",
                         "write https://HOST or http://HOST:PORT, with a path if it needs one"};
  ModelUpstream upstream;
  std::string_view rest = url;
  upstream.tls = cut_prefix(rest, "https://");
  if (!upstream.tls && !cut_prefix(rest, "http://")) {
    return wrong;
  }
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  std::string_view authority = rest.substr(0, slash);
  std::string_view path = rest.substr(slash);
  while (path.ends_with('/')) {
    path.remove_suffix(1);
  }
  upstream.path = path;
  upstream.port = upstream.tls ? dsl::kHttpsPort : dsl::kHttpPort;
  if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    const std::string_view port = authority.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(port.data(), port.data() + port.size(), upstream.port);
    if (error != std::errc() || end != port.data() + port.size() || upstream.port == 0) {
      return wrong;
    }
    authority = authority.substr(0, colon);
  }
  const auto name = dsl::canonical_host(authority);
  const auto address = dsl::IpAddress::parse(authority);
  if ((!name && !address) || (address && upstream.tls) || !is_path(path)) {
    return wrong;
  }
  upstream.host = name ? *name : address->text();
  return upstream;
}

}  // namespace runner
