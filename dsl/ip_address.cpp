#include "dsl/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace dsl {
namespace {

constexpr std::size_t kLongestText = 45;  // of an IPv6 address with an IPv4 one at its end

unsigned bits_of(const IpAddress& address) {
  return address.v4 ? 32 : 128;
}

/// The byte at `at` with only those bits that belong to a prefix of `bits`.
std::uint8_t masked(const IpAddress& address, std::size_t at, unsigned bits) {
  const auto begin = static_cast<unsigned>(at * 8);
  const unsigned kept = bits > begin ? std::min(bits - begin, 8U) : 0;
  return static_cast<std::uint8_t>(address.bytes[at] & (0xff00U >> kept));
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() > kLongestText || text.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  IpAddress address;
  address.v4 = text.find(':') == std::string_view::npos;
  if (inet_pton(address.v4 ? AF_INET : AF_INET6, terminated.c_str(), address.bytes.data()) != 1) {
    return std::nullopt;
  }
  return address;
}

IpAddress IpAddress::from_v4(std::uint32_t address) {
  IpAddress made;
  for (std::size_t i = 0; i < 4; ++i) {
    made.bytes[i] = static_cast<std::uint8_t>(address >> (24 - 8 * i));
  }
  return made;
}

std::uint32_t IpAddress::number() const {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    number = number << 8 | bytes[i];
  }
  return number;
}

bool IpAddress::is_loopback() const {
  static const IpRange kV4 = *IpRange::parse("127.0.0.0/8");
  static const IpRange kV6 = *IpRange::parse("::1");
  return kV4.contains(*this) || kV6.contains(*this);
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) {
    return std::nullopt;
  }
  IpRange range{*address, bits_of(*address)};
  if (slash != std::string_view::npos) {
    const std::string_view length = text.substr(slash + 1);
    const auto [end, failure] =
        std::from_chars(length.data(), length.data() + length.size(), range.bits);
    if (length.empty() || failure != std::errc{} || end != length.data() + length.size() ||
        range.bits > bits_of(*address)) {
      return std::nullopt;
    }
  }
  for (std::size_t i = 0; i < range.base.bytes.size(); ++i) {
    range.base.bytes[i] = masked(range.base, i, range.bits);
  }
  return range;
}

bool IpRange::contains(const IpAddress& address) const {
  if (address.v4 != base.v4) {
    return false;
  }
  for (std::size_t i = 0; i * 8 < bits; ++i) {
    if (masked(address, i, bits) != base.bytes[i]) {
      return false;
    }
  }
  return true;
}

std::string IpRange::text() const {
  return bits == bits_of(base) ? base.text() : base.text() + "/" + std::to_string(bits);
}

}  // namespace dsl
