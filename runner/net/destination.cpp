#include "runner/net/destination.h"

namespace runner {
namespace {

/// Private networks are ranges themselves: what begins and ends in one lies in it.
bool is_private(const dsl::IpRange& range) {
  dsl::IpAddress last = range.base;
  for (std::size_t bit = range.bits; bit < (last.v4 ? 32U : 128U); ++bit) {
    last.bytes.at(bit / 8) |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
  }
  return classify(range.base) == AddressClass::Private && classify(last) == AddressClass::Private;
}

}  // namespace

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

Destinations choose_itself(const dsl::IpAddress& address,
                           const dsl::EgressRule& rule,
                           const dsl::EgressPolicy& policy,
                           std::uint16_t port,
                           const std::vector<dsl::IpAddress>& own) {
  Destinations chosen;
  const AddressClass kind = classify(address, own);
  const bool allowed = kind == AddressClass::Public || policy.names_address(address, port) ||
                       (kind == AddressClass::Private && is_private(rule.range));
  if (allowed) {
    chosen.allowed.push_back(address);
  } else {
    chosen.refused = address;
    chosen.refused_as = kind;
  }
  return chosen;
}

}  // namespace runner
