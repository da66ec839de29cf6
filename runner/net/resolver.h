#pragma once

// Names to addresses, for the gateway alone. Implementations: net/system_resolver, and a scripted
// one in tests. Loop thread.

#include <functional>
#include <string>
#include <vector>

#include "dsl/ip_address.h"
#include "dsl/result.h"

namespace runner {

class Resolver {
 public:
  using Done = std::function<void(dsl::Result<std::vector<dsl::IpAddress>>)>;

  Resolver() = default;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  virtual ~Resolver() = default;

  /// `done` is called once, never inside this call, unless this object is destroyed before. At
  /// least one address, or an Error that says why there is none.
  virtual void resolve(const std::string& name, Done done) = 0;
};

}  // namespace runner
