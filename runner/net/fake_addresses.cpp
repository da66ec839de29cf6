#include "runner/net/fake_addresses.h"

#include <cstdint>

namespace runner {
namespace {

/// 198.18.1.0; the addresses below it are for the namespace's own use.
constexpr std::uint32_t kFirst = 0xc6120100;

}  // namespace

std::optional<dsl::IpAddress> FakeAddresses::address_of(const std::string& name) {
  auto found = index_.find(name);
  if (found == index_.end()) {
    if (names_.size() == kMostNames) {
      return std::nullopt;
    }
    found = index_.emplace(name, names_.size()).first;
    names_.push_back(&found->first);
  }
  return dsl::IpAddress::from_v4(kFirst + static_cast<std::uint32_t>(found->second));
}

const std::string* FakeAddresses::name_of(const dsl::IpAddress& address) const {
  if (!address.v4 || address.number() < kFirst || address.number() - kFirst >= names_.size()) {
    return nullptr;
  }
  return names_[address.number() - kFirst];
}

bool is_nodes_own(const dsl::IpAddress& address) {
  const std::uint32_t number = address.v4 ? address.number() : 0;
  return number >> 24 == 127 || number >> 24 == 0 || number >> 17 == kFirst >> 17;
}

}  // namespace runner
