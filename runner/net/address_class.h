#pragma once

// What kind of place an address is, so that a name which an attacker's name server answers never
// leads into a private network, the machine itself or a cloud's metadata. Pure; any thread.

#include <string_view>
#include <vector>

#include "dsl/ip_address.h"

namespace runner {

enum class AddressClass {
  Public,
  Private,   // RFC 1918, shared (RFC 6598), unique local
  Loopback,  // and "this host" (0.0.0.0/8, ::)
  LinkLocal,
  Metadata,   // where clouds hand out credentials
  Multicast,  // and broadcast
  Reserved,   // documentation, benchmarks, protocols, tunnels whose end cannot be seen
  Own,        // an interface of this machine has it
};

/// "private", "link_local", … as events and reports say it.
std::string_view to_text(AddressClass kind);

/// An IPv4 address inside an IPv6 one (mapped, compatible, NAT64, 6to4) counts as what it is
/// itself. Never Own.
AddressClass classify(const dsl::IpAddress& address);

/// The same, where `own` are the addresses of the machine's interfaces.
AddressClass classify(const dsl::IpAddress& address, const std::vector<dsl::IpAddress>& own);

}  // namespace runner
