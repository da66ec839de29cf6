// Any bytes as a firewall rule, and as a host: what is a rule is written and read again as the same
// one, and a name that it allows is a canonical one.

#include <cstdint>
#include <string_view>

#include "dsl/egress.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto rule = dsl::parse_egress_rule(text)) {
    const std::string written = to_text(*rule);
    const auto again = dsl::parse_egress_rule(written);
    fuzz::require(
        again.has_value() && *again == *rule, "a rule is read as it was written", written);
    fuzz::require(to_text(*again) == written, "there is one way to write a rule", written);
  }
  if (const auto host = dsl::canonical_host(text)) {
    fuzz::require(dsl::canonical_host(*host) == *host, "there is one form of a name", *host);
    fuzz::require(!dsl::IpAddress::parse(*host), "no address is a name", *host);
    fuzz::require(host->size() <= 253, "a name has at most 253 bytes", *host);
  }
  return 0;
}
