#include "runner/net/destination.h"

namespace runner {

Destinations choose_destinations(const std::vector<dsl::IpAddress>& addresses,
                                 const dsl::EgressPolicy& policy,
                                 const std::string& name,
                                 std::uint16_t port,
                                 const std::vector<dsl::IpAddress>& own) {
  Destinations chosen;
  for (const dsl::IpAddress& address : addresses) {
    const AddressClass kind = classify(address, own);
    const bool allowed = kind == AddressClass::Public || policy.names_address(address, port) ||
                         (kind == AddressClass::Private && policy.may_be_private(name, port));
    if (allowed) {
      chosen.allowed.push_back(address);
    } else if (!chosen.refused) {
      chosen.refused = address;
      chosen.refused_as = kind;
    }
  }
  return chosen;
}

}  // namespace runner
