#pragma once

// What a node may reach: the rules of `firewall:`, parsed, matched and written again. A Plan holds
// them as texts in the form that `to_text` gives; the gateway (runner/net) decides by them. Pure;
// any thread.
//
//   api.github.com            ports 443 and 80      (only an author may leave the ports out)
//   api.github.com:443        one port
//   github.com:[22, 443]      several
//   *.example.org:443         every name that has at least one label more; not example.org
//   *:[22, 80, 443]           every public name of at least two labels
//   10.0.0.0/8:5432           an address or a range: `mode: routed`
//   192.0.2.53:53/udp         `mode: routed`

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/ip_address.h"
#include "dsl/plan.h"
#include "dsl/result.h"

namespace dsl {

/// The one form that a host's name is compared in: lower case, no final dot. Nothing where it is no
/// name: over 253 bytes, a label that is empty or over 63, any byte but [A-Za-z0-9_-] in a label, a
/// '-' at the beginning or end of one, or a last label that does not begin with a letter (so no
/// spelling of an address is ever a name).
std::optional<std::string> canonical_host(std::string_view name);

struct EgressRule {
  enum class Kind {
    Name,   // `host` itself
    Below,  // names below `host`
    Any,    // every public name
    Range,  // addresses
  };
  Kind kind = Kind::Name;
  std::string host;  // canonical; "" for Any and Range
  IpRange range;
  std::vector<std::uint16_t> ports;  // ascending; empty: none were named
  bool udp = false;

  [[nodiscard]] bool matches_name(std::string_view name) const;
  [[nodiscard]] bool matches_port(std::uint16_t port) const;
  bool operator==(const EgressRule&) const = default;
};

/// An Error says what is wrong with the text and what to write.
Result<EgressRule> parse_egress_rule(std::string_view text);

/// The canonical text; parse_egress_rule reads it back as the same rule.
std::string to_text(const EgressRule& rule);

/// What a rule is for.
enum class Carried { Tcp, Udp };

/// What `host` without a port means.
inline constexpr std::uint16_t kHttpsPort = 443;
inline constexpr std::uint16_t kHttpPort = 80;

/// The rules of one node. Names are canonical.
class EgressPolicy {
 public:
  /// An Error where a text of the plan is no rule, which only a forged plan has.
  static Result<EgressPolicy> make(const Firewall& firewall);

  /// The first rule that allows it, or null.
  [[nodiscard]] const EgressRule* find(std::string_view name,
                                       std::uint16_t port,
                                       Carried carried = Carried::Tcp) const;
  /// The same of an address that is meant itself, not as what a name led to.
  [[nodiscard]] const EgressRule* find(const IpAddress& address,
                                       std::uint16_t port,
                                       Carried carried) const;
  /// Some port of that name is allowed, so that it gets an address.
  [[nodiscard]] bool knows(std::string_view name) const;
  [[nodiscard]] bool knows(const IpAddress& address) const;

  /// `allow_private` names this name: private networks (RFC 1918, unique local, shared) are
  /// reachable under it. Never the machine itself, link-local or metadata addresses.
  [[nodiscard]] bool may_be_private(std::string_view name, std::uint16_t port) const;
  /// `allow_private` names a range that holds this address, whatever its kind.
  [[nodiscard]] bool names_address(const IpAddress& address, std::uint16_t port) const;

  /// All ports of all rules, ascending.
  [[nodiscard]] std::vector<std::uint16_t> ports(Carried carried = Carried::Tcp) const;
  /// The names that rules name without a wildcard, in order.
  [[nodiscard]] std::vector<std::string> exact_names() const;
  [[nodiscard]] const std::vector<EgressRule>& rules() const { return allow_; }

 private:
  std::vector<EgressRule> allow_;
  std::vector<EgressRule> allow_private_;
};

}  // namespace dsl
