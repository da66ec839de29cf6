#pragma once

// IPv4 and IPv6 addresses and ranges of them, as values. Pure; any thread.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dsl {

struct IpAddress {
  bool v4 = true;
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 has the first four, the rest is 0

  /// "10.0.0.1" (four decimal numbers, nothing else), "2001:db8::1"; without brackets or zone.
  static std::optional<IpAddress> parse(std::string_view text);
  /// `address` in host order.
  static IpAddress from_v4(std::uint32_t address);

  /// IPv4 in host order. REQUIRES: v4.
  [[nodiscard]] std::uint32_t number() const;
  /// This machine itself: 127.0.0.0/8, ::1.
  [[nodiscard]] bool is_loopback() const;
  [[nodiscard]] std::string text() const;
  bool operator==(const IpAddress&) const = default;
};

/// All addresses of one family whose first `bits` are those of `base`.
struct IpRange {
  IpAddress base;
  unsigned bits = 0;

  /// "10.0.0.0/8", "fd00::/8", or one address. Bits behind the prefix are cleared.
  static std::optional<IpRange> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& address) const;
  /// One address without its length.
  [[nodiscard]] std::string text() const;
  bool operator==(const IpRange&) const = default;
};

}  // namespace dsl
