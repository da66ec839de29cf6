// Any bytes as a name query: the answer is one of ours, about the same question, and never larger
// than it has to be.

#include <cstdint>
#include <string_view>

#include "dsl/egress.h"
#include "runner/net/name_server.h"
#include "tests/fuzz/property.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dsl::EgressPolicy policy = [] {
    dsl::Firewall firewall;
    firewall.allow = {"good.test:443", "*.wild.test:443"};
    return *dsl::EgressPolicy::make(firewall);
  }();
  runner::NameServer server(
      policy, runner::Unknown::Refused, [](const std::string& name, runner::EgressDenied::Reason) {
        fuzz::require(dsl::canonical_host(name) == name, "only names are told of", name);
        fuzz::require(!policy.knows(name), "no allowed name is refused", name);
      });
  const std::string_view query(reinterpret_cast<const char*>(data), size);
  const std::string answer = server.answer(query);
  fuzz::require(answer.empty() || answer.size() >= 12, "an answer has a header");
  fuzz::require(answer.size() <= std::max<std::size_t>(size, 12) + 16, "no amplification");
  if (answer.size() >= 12) {
    fuzz::require(answer.substr(0, 2) == query.substr(0, 2), "an answer has the query's number");
    fuzz::require((static_cast<unsigned char>(answer[2]) & 0x80U) != 0, "an answer is one");
    fuzz::require((answer[7] != 0) == (server.addresses().size() > 0), "only names have addresses");
  }
  return 0;
}
