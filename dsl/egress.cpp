#include "dsl/egress.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "dsl/render.h"

namespace dsl {
namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestLabel = 63;
constexpr std::string_view kUdp = "/udp";

bool is_letter(char c) {
  return c >= 'a' && c <= 'z';
}

bool is_label_byte(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLongestLabel && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), is_label_byte);
}

std::string_view trim(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
  return text.substr(begin, text.find_last_not_of(' ') + 1 - begin);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || failure != std::errc{} || end != text.data() + text.size() || port < 1 ||
      port > 65'535) {
    return Error{fmt::format("{} is no port", quoted(text)),
                 "a port is a number between 1 and 65535"};
  }
  return static_cast<std::uint16_t>(port);
}

/// "443" or "[22, 443]".
Result<std::vector<std::uint16_t>> parse_ports(std::string_view text) {
  std::vector<std::uint16_t> ports;
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  } else if (text.find(',') != std::string_view::npos) {
    return Error{fmt::format("{} is no port", quoted(text)), "write several ports as '[22, 443]'"};
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    const auto port = parse_port(trim(text.substr(begin, comma - begin)));
    if (!port) {
      return port.error();
    }
    ports.push_back(*port);
    begin = comma + 1;
  }
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

/// Where the host ends: at the colon before the ports, or at the end of the text.
std::size_t end_of_host(std::string_view text) {
  if (text.front() == '[') {  // "[2001:db8::1]:443"
    const std::size_t close = text.find(']');
    return close == std::string_view::npos ? text.size() : close + 1;
  }
  const std::size_t first = text.find(':');
  if (first == std::string_view::npos) {
    return text.size();
  }
  // An IPv6 range: the ports, if any, stand behind its length.
  if (const std::size_t slash = text.find('/');
      slash != std::string_view::npos && first < slash && IpRange::parse(text.substr(0, slash))) {
    return std::min(text.find(':', slash), text.size());
  }
  return IpAddress::parse(text) ? text.size() : first;
}

std::optional<IpRange> parse_range(std::string_view host) {
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    return IpRange::parse(host.substr(1, host.size() - 2));
  }
  return IpRange::parse(host);
}

Result<EgressRule> parse_host(std::string_view host) {
  EgressRule rule;
  if (const auto range = parse_range(host)) {
    rule.kind = EgressRule::Kind::Range;
    rule.range = *range;
    return rule;
  }
  if (host == "*") {
    rule.kind = EgressRule::Kind::Any;
    return rule;
  }
  const bool below = host.substr(0, 2) == "*.";
  auto name = canonical_host(below ? host.substr(2) : host);
  if (!name) {
    return Error{fmt::format("{} is no host name", quoted(host)),
                 "write 'api.example.org:443'; '*.' may stand at the beginning"};
  }
  rule.kind = below ? EgressRule::Kind::Below : EgressRule::Kind::Name;
  rule.host = *std::move(name);
  return rule;
}

Error url_in_place_of_host(std::string_view text, std::size_t scheme) {
  std::string_view host = text.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/:"));
  const std::string_view port = text.substr(0, scheme) == "http" ? "80" : "443";
  return {fmt::format("{} is a URL, a firewall knows hosts and ports", quoted(text)),
          fmt::format("write '{}:{}'", visible(host), port)};
}

bool matches(const std::vector<EgressRule>& rules, std::string_view name, std::uint16_t port) {
  return std::any_of(rules.begin(), rules.end(), [&](const EgressRule& rule) {
    return rule.matches_name(name) && rule.matches_port(port);
  });
}

}  // namespace

std::optional<std::string> canonical_host(std::string_view name) {
  if (!name.empty() && name.back() == '.') {
    name.remove_suffix(1);
  }
  if (name.empty() || name.size() > kLongestName) {
    return std::nullopt;
  }
  std::string host(name);
  for (char& c : host) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  const std::string_view all = host;
  for (std::size_t begin = 0; begin <= all.size();) {
    const std::size_t dot = std::min(all.find('.', begin), all.size());
    const std::string_view label = all.substr(begin, dot - begin);
    if (!is_label(label) || (dot == all.size() && !is_letter(label.front()))) {
      return std::nullopt;
    }
    begin = dot + 1;
  }
  return host;
}

bool EgressRule::matches_name(std::string_view name) const {
  switch (kind) {
    case Kind::Name:
      return name == host;
    case Kind::Below:
      return name.size() > host.size() + 1 && name.substr(name.size() - host.size()) == host &&
             name[name.size() - host.size() - 1] == '.';
    case Kind::Any:
      // A name of one label may mean whatever the machine's own search list makes of it.
      return name.find('.') != std::string_view::npos;
    case Kind::Range:
      return false;
  }
  return false;
}

bool EgressRule::matches_port(std::uint16_t port) const {
  return ports.empty() || std::binary_search(ports.begin(), ports.end(), port);
}

Result<EgressRule> parse_egress_rule(std::string_view text) {
  if (const std::size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    return url_in_place_of_host(text, scheme);
  }
  bool udp = false;
  std::string_view rest = text;
  if (rest.size() > kUdp.size() && rest.substr(rest.size() - kUdp.size()) == kUdp) {
    rest.remove_suffix(kUdp.size());
    udp = true;
  }
  if (rest.empty() || rest.find_first_of("\t\r\n") != std::string_view::npos ||
      rest.find(' ') < rest.rfind(':')) {
    return Error{fmt::format("{} is no host and port", quoted(text)),
                 "write 'api.example.org:443'"};
  }
  const std::size_t host_end = end_of_host(rest);
  auto rule = parse_host(rest.substr(0, host_end));
  if (!rule) {
    return rule.error();
  }
  rule->udp = udp;
  if (host_end == rest.size()) {
    return rule;
  }
  if (rest[host_end] != ':') {
    return Error{fmt::format("{} is no address and port", quoted(text)),
                 "write '[2001:db8::1]:443'"};
  }
  auto ports = parse_ports(rest.substr(host_end + 1));
  if (!ports) {
    return ports.error();
  }
  rule->ports = *std::move(ports);
  return rule;
}

std::string to_text(const EgressRule& rule) {
  std::string text;
  switch (rule.kind) {
    case EgressRule::Kind::Name:
      text = rule.host;
      break;
    case EgressRule::Kind::Below:
      text = "*." + rule.host;
      break;
    case EgressRule::Kind::Any:
      text = "*";
      break;
    case EgressRule::Kind::Range:
      text = rule.range.base.v4 ? rule.range.text() : fmt::format("[{}]", rule.range.text());
      break;
  }
  if (rule.ports.size() == 1) {
    text += fmt::format(":{}", rule.ports.front());
  } else if (!rule.ports.empty()) {
    text += fmt::format(":[{}]", fmt::join(rule.ports, ", "));
  }
  return rule.udp ? text + std::string(kUdp) : text;
}

Result<EgressPolicy> EgressPolicy::make(const Firewall& firewall) {
  EgressPolicy policy;
  for (const std::string& text : firewall.allow) {
    auto rule = parse_egress_rule(text);
    if (!rule) {
      return rule.error();
    }
    if (rule->ports.empty()) {
      rule->ports = {kHttpPort, kHttpsPort};
    }
    policy.allow_.push_back(*std::move(rule));
  }
  for (const std::string& text : firewall.allow_private) {
    auto rule = parse_egress_rule(text);
    if (!rule) {
      return rule.error();
    }
    policy.allow_private_.push_back(*std::move(rule));
  }
  return policy;
}

const EgressRule* EgressPolicy::find(std::string_view name,
                                     std::uint16_t port,
                                     Carried carried) const {
  const auto found = std::find_if(allow_.begin(), allow_.end(), [&](const EgressRule& rule) {
    return rule.udp == (carried == Carried::Udp) && rule.matches_name(name) &&
           rule.matches_port(port);
  });
  return found == allow_.end() ? nullptr : &*found;
}

const EgressRule* EgressPolicy::find(const IpAddress& address,
                                     std::uint16_t port,
                                     Carried carried) const {
  const auto found = std::find_if(allow_.begin(), allow_.end(), [&](const EgressRule& rule) {
    return rule.udp == (carried == Carried::Udp) && rule.kind == EgressRule::Kind::Range &&
           rule.range.contains(address) && rule.matches_port(port);
  });
  return found == allow_.end() ? nullptr : &*found;
}

bool EgressPolicy::knows(std::string_view name) const {
  return std::any_of(allow_.begin(), allow_.end(), [&](const EgressRule& rule) {
    return rule.matches_name(name);
  });
}

bool EgressPolicy::knows(const IpAddress& address) const {
  return std::any_of(allow_.begin(), allow_.end(), [&](const EgressRule& rule) {
    return rule.kind == EgressRule::Kind::Range && rule.range.contains(address);
  });
}

bool EgressPolicy::may_be_private(std::string_view name, std::uint16_t port) const {
  return matches(allow_private_, name, port);
}

bool EgressPolicy::names_address(const IpAddress& address, std::uint16_t port) const {
  return std::any_of(allow_private_.begin(), allow_private_.end(), [&](const EgressRule& rule) {
    return rule.kind == EgressRule::Kind::Range && rule.range.contains(address) &&
           rule.matches_port(port);
  });
}

std::vector<std::uint16_t> EgressPolicy::ports(Carried carried) const {
  std::vector<std::uint16_t> all;
  for (const EgressRule& rule : allow_) {
    if (rule.udp == (carried == Carried::Udp)) {
      all.insert(all.end(), rule.ports.begin(), rule.ports.end());
    }
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::vector<std::string> EgressPolicy::exact_names() const {
  std::vector<std::string> names;
  for (const EgressRule& rule : allow_) {
    if (rule.kind == EgressRule::Kind::Name &&
        std::find(names.begin(), names.end(), rule.host) == names.end()) {
      names.push_back(rule.host);
    }
  }
  return names;
}

}  // namespace dsl
