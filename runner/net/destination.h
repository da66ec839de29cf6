#pragma once

// Which of a name's addresses may be dialled. Decided on the very addresses that are dialled
// afterwards, so that no second answer of a name server can lead anywhere else. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dsl/egress.h"
#include "dsl/ip_address.h"
#include "runner/net/address_class.h"

namespace runner {

struct Destinations {
  std::vector<dsl::IpAddress> allowed;    // in the order in which they came
  std::optional<dsl::IpAddress> refused;  // the first that is not
  AddressClass refused_as = AddressClass::Public;
};

Destinations choose_destinations(const std::vector<dsl::IpAddress>& addresses,
                                 const dsl::EgressPolicy& policy,
                                 const std::string& name,
                                 std::uint16_t port,
                                 const std::vector<dsl::IpAddress>& own);

/// Where an address that is meant itself leads: `rule` names it. A private one may be reached under
/// a rule whose range is private as a whole; the machine itself, link-local and metadata addresses
/// only where `allow_private` names them too.
Destinations choose_itself(const dsl::IpAddress& address,
                           const dsl::EgressRule& rule,
                           const dsl::EgressPolicy& policy,
                           std::uint16_t port,
                           const std::vector<dsl::IpAddress>& own);

}  // namespace runner
