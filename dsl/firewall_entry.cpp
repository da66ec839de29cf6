#include "dsl/firewall_entry.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "dsl/render.h"

namespace dsl {
namespace {

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && failure == std::errc{} && end == text.data() + text.size() && port >= 1 &&
         port <= 65'535;
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_';
         });
}

bool is_host(std::string_view host) {
  if (host.substr(0, 2) == "*.") {
    host.remove_prefix(2);
  }
  if (host.empty() || host.size() > 253) {
    return false;
  }
  for (std::size_t begin = 0; begin <= host.size();) {
    const std::size_t dot = std::min(host.find('.', begin), host.size());
    if (!is_label(host.substr(begin, dot - begin))) {
      return false;
    }
    begin = dot + 1;
  }
  return true;
}

bool is_address(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

}  // namespace

bool is_address_range(std::string_view entry) {
  const std::size_t slash = entry.find('/');
  if (slash == std::string_view::npos) {
    return false;
  }
  const std::string_view address = entry.substr(0, slash);
  return is_address(address, "0123456789.") || is_address(address, "0123456789abcdefABCDEF:[");
}

std::optional<Error> firewall_entry_problem(std::string_view entry) {
  const std::string shown = quoted(entry);
  if (const std::size_t scheme = entry.find("://"); scheme != std::string_view::npos) {
    std::string_view host = entry.substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/:"));
    const std::string_view port = entry.substr(0, scheme) == "http" ? "80" : "443";
    return Error{fmt::format("{} is a URL, a firewall knows hosts and ports", shown),
                 fmt::format("write '{}:{}'", visible(host), port)};
  }
  if (entry.empty() || entry.find_first_of(" \t\n") != std::string_view::npos) {
    return Error{fmt::format("{} is no host and port", shown), "write 'api.example.org:443'"};
  }
  if (is_address_range(entry)) {
    return std::nullopt;  // with or without a port
  }
  if (entry[0] == '[') {
    const std::size_t close = entry.find("]:");
    if (close == std::string_view::npos || !is_port(entry.substr(close + 2))) {
      return Error{fmt::format("{} is no address and port", shown), "write '[2001:db8::1]:443'"};
    }
    return std::nullopt;
  }
  const std::size_t colon = entry.rfind(':');
  const std::string_view host = entry.substr(0, colon);
  if (host == "*") {
    return Error{fmt::format("{} would allow every host", shown),
                 "name the hosts, as in '*.example.org:443'"};
  }
  if (!is_host(host)) {
    return Error{fmt::format("{} is no host name", quoted(host)),
                 "write 'api.example.org:443'; '*.' may stand at the beginning"};
  }
  if (colon == std::string_view::npos) {
    return Error{fmt::format("{} names no port", shown), fmt::format("write '{}:443'", entry)};
  }
  if (!is_port(entry.substr(colon + 1))) {
    return Error{fmt::format("{} is no port", quoted(entry.substr(colon + 1))),
                 "a port is a number between 1 and 65535"};
  }
  return std::nullopt;
}

}  // namespace dsl
