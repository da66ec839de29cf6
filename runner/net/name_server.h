#pragma once

// Answers a node's name queries: a name that some rule allows has an address that stands for it,
// any other name is refused, and nothing is ever asked of anyone. Pure; one thread.

#include <functional>
#include <string>
#include <string_view>

#include "dsl/egress.h"
#include "runner/net/fake_addresses.h"
#include "runner/run/egress.h"

namespace runner {

/// What becomes of names that no rule allows.
enum class Unknown {
  Refused,
  Answered,  // they have an address too, at which nothing is let through
};

class NameServer {
 public:
  /// `policy` outlives this. `denied` hears of names that no rule allows, or that had to be
  /// refused.
  NameServer(const dsl::EgressPolicy& policy,
             Unknown unknown,
             std::function<void(const std::string& name, EgressDenied::Reason)> denied);

  /// The answer to a datagram, "" for none: one address (A), nothing (any other type of a name that
  /// is allowed: it exists, without that), or a refusal.
  std::string answer(std::string_view message);

  [[nodiscard]] const FakeAddresses& addresses() const { return addresses_; }

 private:
  const dsl::EgressPolicy& policy_;
  const Unknown unknown_;
  std::function<void(const std::string&, EgressDenied::Reason)> denied_;
  FakeAddresses addresses_;
};

}  // namespace runner
