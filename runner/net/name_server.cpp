#include "runner/net/name_server.h"

#include <utility>

#include "runner/net/dns_message.h"

namespace runner {
namespace {

/// Names that exist nowhere (RFC 6761); a proof asks for one.
bool is_invalid(std::string_view name) {
  constexpr std::string_view kTop = ".invalid";
  return name.size() > kTop.size() && name.substr(name.size() - kTop.size()) == kTop;
}

}  // namespace

NameServer::NameServer(const dsl::EgressPolicy& policy,
                       Unknown unknown,
                       std::function<void(const std::string&, EgressDenied::Reason)> denied)
    : policy_(policy), unknown_(unknown), denied_(std::move(denied)) {}

std::string NameServer::answer(std::string_view message) {
  const auto query = parse_dns_query(message);
  if (!query) {
    return "";
  }
  if (query->problem != DnsCode::NoError) {
    return dns_answer(*query, query->problem);
  }
  const bool for_address = query->type == kDnsTypeA || query->type == kDnsTypeAaaa;
  if (query->name.empty() || is_invalid(query->name)) {
    return dns_answer(*query, DnsCode::Refused);
  }
  if (!policy_.knows(query->name)) {
    // Services and texts are asked for by the way; what fails is a program without an address.
    if (for_address) {
      denied_(query->name, EgressDenied::Reason::Name);
    }
    if (unknown_ == Unknown::Refused) {
      return dns_answer(*query, DnsCode::Refused);
    }
  }
  if (query->type != kDnsTypeA) {
    return dns_answer(*query, DnsCode::NoError);
  }
  const auto address = addresses_.address_of(query->name);
  if (!address) {
    denied_(query->name, EgressDenied::Reason::Busy);
    return dns_answer(*query, DnsCode::ServerFailure);
  }
  return dns_answer(*query, DnsCode::NoError, address);
}

}  // namespace runner
