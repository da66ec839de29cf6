#include "runner/net/address_class.h"

#include <algorithm>
#include <array>
#include <optional>

namespace runner {

using dsl::IpAddress;
using dsl::IpRange;

namespace {

struct Row {
  IpRange range;
  AddressClass kind;
};

struct TextRow {
  const char* range;
  AddressClass kind;
};

/// The first that holds an address counts.
constexpr TextRow kV4[] = {
    {"169.254.169.254", AddressClass::Metadata},  // AWS, Google, Azure, OpenStack
    {"169.254.170.2", AddressClass::Metadata},    // AWS tasks
    {"100.100.100.200", AddressClass::Metadata},  // Alibaba
    {"192.0.0.192", AddressClass::Metadata},      // Oracle
    {"168.63.129.16", AddressClass::Metadata},    // Azure
    {"0.0.0.0/8", AddressClass::Loopback},        {"127.0.0.0/8", AddressClass::Loopback},
    {"10.0.0.0/8", AddressClass::Private},        {"172.16.0.0/12", AddressClass::Private},
    {"192.168.0.0/16", AddressClass::Private},    {"100.64.0.0/10", AddressClass::Private},
    {"169.254.0.0/16", AddressClass::LinkLocal},  {"192.0.0.0/24", AddressClass::Reserved},
    {"192.0.2.0/24", AddressClass::Reserved},     {"192.88.99.0/24", AddressClass::Reserved},
    {"198.18.0.0/15", AddressClass::Reserved},    {"198.51.100.0/24", AddressClass::Reserved},
    {"203.0.113.0/24", AddressClass::Reserved},   {"224.0.0.0/4", AddressClass::Multicast},
    {"255.255.255.255", AddressClass::Multicast}, {"240.0.0.0/4", AddressClass::Reserved},
};

constexpr TextRow kV6[] = {
    {"fd00:ec2::/32", AddressClass::Metadata},  // AWS
    {"fd20:ce::/32", AddressClass::Metadata},   // Google
    {"::/128", AddressClass::Loopback},
    {"::1/128", AddressClass::Loopback},
    {"fe80::/10", AddressClass::LinkLocal},
    {"fec0::/10", AddressClass::Private},
    {"fc00::/7", AddressClass::Private},
    {"ff00::/8", AddressClass::Multicast},
    {"2001:db8::/32", AddressClass::Reserved},
    {"2001::/23", AddressClass::Reserved},  // Teredo, ORCHID and the like
    {"100::/64", AddressClass::Reserved},
    {"5f00::/16", AddressClass::Reserved},
    {"3fff::/20", AddressClass::Reserved},
};

/// IPv6 prefixes that carry an IPv4 address, and the byte that it begins at.
struct Carrier {
  const char* range;
  std::size_t at;
};
constexpr Carrier kCarriers[] = {
    {"::ffff:0:0/96", 12},    // mapped
    {"::ffff:0:0:0/96", 12},  // translated
    {"::/96", 12},            // compatible
    {"64:ff9b::/96", 12},     // NAT64
    {"2002::/16", 2},         // 6to4
};

/// NAT64 with a prefix of the network's own may hold its IPv4 address in several places.
constexpr const char* kLocalNat64 = "64:ff9b:1::/48";

template <std::size_t size>
std::array<Row, size> parsed(const TextRow (&texts)[size]) {
  std::array<Row, size> rows{};
  for (std::size_t i = 0; i < size; ++i) {
    rows[i] = {*IpRange::parse(texts[i].range), texts[i].kind};
  }
  return rows;
}

template <std::size_t size>
std::optional<AddressClass> look_up(const std::array<Row, size>& rows, const IpAddress& address) {
  for (const Row& row : rows) {
    if (row.range.contains(address)) {
      return row.kind;
    }
  }
  return std::nullopt;
}

std::optional<IpAddress> carried_v4(const IpAddress& address) {
  for (const Carrier& carrier : kCarriers) {
    if (IpRange::parse(carrier.range)->contains(address)) {
      IpAddress inner;
      std::copy_n(
          address.bytes.begin() + static_cast<std::ptrdiff_t>(carrier.at), 4, inner.bytes.begin());
      return inner;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_text(AddressClass kind) {
  switch (kind) {
    case AddressClass::Public:
      return "public";
    case AddressClass::Private:
      return "private";
    case AddressClass::Loopback:
      return "loopback";
    case AddressClass::LinkLocal:
      return "link_local";
    case AddressClass::Metadata:
      return "metadata";
    case AddressClass::Multicast:
      return "multicast";
    case AddressClass::Reserved:
      return "reserved";
    case AddressClass::Own:
      return "own";
  }
  return "";
}

AddressClass classify(const IpAddress& address) {
  static const auto kV4Rows = parsed(kV4);
  static const auto kV6Rows = parsed(kV6);
  static const IpRange kNat64 = *IpRange::parse(kLocalNat64);
  if (address.v4) {
    return look_up(kV4Rows, address).value_or(AddressClass::Public);
  }
  if (const auto kind = look_up(kV6Rows, address)) {
    return *kind;
  }
  if (kNat64.contains(address)) {
    return AddressClass::Reserved;
  }
  if (const auto inner = carried_v4(address)) {
    return classify(*inner);
  }
  return AddressClass::Public;
}

AddressClass classify(const IpAddress& address, const std::vector<IpAddress>& own) {
  const auto is_own = [&](const IpAddress& one) {
    return std::find(own.begin(), own.end(), one) != own.end();
  };
  const AddressClass kind = classify(address);
  const auto inner = address.v4 ? std::nullopt : carried_v4(address);
  const bool ours = is_own(address) || (inner && is_own(*inner));
  return ours && kind != AddressClass::Loopback ? AddressClass::Own : kind;
}

}  // namespace runner
