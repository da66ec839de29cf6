#include "runner/report/egress_text.h"

#include <fmt/format.h>

#include "dsl/ip_address.h"

namespace runner::report {
namespace {

using Reason = EgressDenied::Reason;

std::string place(const EgressDenied& denied) {
  return denied.port == 0
             ? denied.name
             : fmt::format("{}:{}{}", denied.name, denied.port, denied.udp ? "/udp" : "");
}

bool is_address(const EgressDenied& denied) {
  return dsl::IpAddress::parse(denied.name).has_value();
}

std::string why(const EgressDenied& denied) {
  const std::string& seen = denied.seen;
  switch (denied.reason) {
    case Reason::Name:
      return is_address(denied) ? "no rule allows this address" : "no rule allows this host";
    case Reason::Port:
      return is_address(denied) ? "no rule allows this port of the address"
                                : "no rule allows this port of the host";
    case Reason::Address:
      return is_address(denied) ? fmt::format("{} is not reached", seen)
                                : fmt::format("the name leads to {}, which is not reached", seen);
    case Reason::NoHello:
      return "neither a request nor a TLS hello came in time";
    case Reason::LongHello:
      return "the request or TLS hello is longer than 16 KiB";
    case Reason::Protocol:
      return "neither HTTP/1 nor TLS, on a port for these";
    case Reason::Tls:
      return seen.empty() ? "a malformed TLS hello" : fmt::format("TLS with {}", seen);
    case Reason::Sni:
      return seen.empty() ? "TLS without a server name"
                          : fmt::format("TLS for another host, '{}'", seen);
    case Reason::Http:
      return seen.empty() ? "a request that servers could read in two ways" : seen;
    case Reason::Host:
      return seen.empty() ? "a request without a host"
                          : fmt::format("a request for another host, '{}'", seen);
    case Reason::Busy:
      return "more connections or names than a task may have";
    case Reason::Unresolved:
    case Reason::Unreachable:
      return seen;
  }
  return "";
}

}  // namespace

bool is_for_routed(const EgressDenied& denied) {
  return denied.udp || is_address(denied);
}

std::string egress_text(const EgressDenied& denied) {
  const bool allowed = denied.reason == Reason::Unresolved || denied.reason == Reason::Unreachable;
  return fmt::format(
      "{} {}: {}", allowed ? "could not reach" : "refused", place(denied), why(denied));
}

std::string egress_remedy(const EgressDenied& denied) {
  switch (denied.reason) {
    case Reason::Name:
    case Reason::Port:
      return fmt::format("to allow it write `firewall: {{{}allow: [\"{}:{}{}\"]}}`",
                         is_for_routed(denied) ? "mode: routed, " : "",
                         denied.name,
                         denied.port == 0 ? 443 : denied.port,
                         denied.udp ? "/udp" : "");
    case Reason::Address:
      return "if it is meant, name its address or range in `allow_private`";
    case Reason::Host:
      return "a connection is for one host; allow the other one by a rule of its own";
    case Reason::NoHello:
    case Reason::LongHello:
    case Reason::Protocol:
    case Reason::Tls:
    case Reason::Sni:
    case Reason::Http:
    case Reason::Busy:
    case Reason::Unresolved:
    case Reason::Unreachable:
      return "";
  }
  return "";
}

}  // namespace runner::report
