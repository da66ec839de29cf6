#pragma once

// DNS as far as a name server that knows a few names needs it (RFC 1035): one question, at most one
// address in the answer. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/ip_address.h"

namespace runner {

enum class DnsCode : std::uint8_t {
  NoError = 0,
  FormatError = 1,
  ServerFailure = 2,
  NotImplemented = 4,
  Refused = 5,
};

inline constexpr std::uint16_t kDnsTypeA = 1;
inline constexpr std::uint16_t kDnsTypeAaaa = 28;

struct DnsQuery {
  std::uint16_t id = 0;
  std::uint8_t flags = 0;  // opcode and "recursion desired", as they stand in the third byte
  /// NoError, or what the answer must say whatever was asked.
  DnsCode problem = DnsCode::NoError;
  std::string name;  // canonical (dsl/egress.h); "" where the question's is no host's name
  std::uint16_t type = 0;
  std::string question;  // the bytes of the question, for the answer; "" with a problem
};

/// Nothing where the bytes are no query at all, and no answer is due.
std::optional<DnsQuery> parse_dns_query(std::string_view message);

/// The answer: with `address` one A record that is valid for some seconds, else none.
std::string dns_answer(const DnsQuery& query,
                       DnsCode code,
                       const std::optional<dsl::IpAddress>& address = std::nullopt);

/// A query for an address of `name`, for proofs and tests. REQUIRES: canonical.
std::string dns_query(std::uint16_t id, std::string_view name, std::uint16_t type);

}  // namespace runner
