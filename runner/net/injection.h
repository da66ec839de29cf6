#pragma once

// Which secrets go to which host of one network, and with them how: a host gets what is sent to it
// by TLS, unless its secret says that it is sent in clear. Loop thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/result.h"
#include "dsl/secret_host.h"
#include "runner/run/secrets.h"

namespace runner {

/// Where the requests that a client makes in clear really go.
struct Upstream {
  bool tls = true;
  std::uint16_t port = 0;
};

class Injection {
 public:
  Injection() = default;
  /// `secrets` (null only where `lent` is empty) outlives this.
  Injection(Secrets* secrets, std::vector<LentSecret> lent);

  /// For requests in clear that a client makes of this name and port; nothing where no secret is
  /// for them, and they go as they are. TLS where any of them asks for it: then none of those that
  /// may go in clear is sent either.
  [[nodiscard]] std::optional<Upstream> upstream(std::string_view name, std::uint16_t port) const;

  /// The head with the values that `upstream` of this name may have. `done` is called once, perhaps
  /// inside this call. An Error where a value could not be had.
  void fill(std::string head,
            const std::string& name,
            const Upstream& upstream,
            std::function<void(dsl::Result<std::string>)> done) const;

  /// What it has put into heads so far. As long as this.
  [[nodiscard]] const std::set<std::string>& values() const { return *values_; }

 private:
  struct One {
    LentSecret lent;
    std::vector<dsl::SecretHost> hosts;
  };
  Secrets* secrets_ = nullptr;
  std::vector<One> all_;
  std::shared_ptr<std::set<std::string>> values_ = std::make_shared<std::set<std::string>>();
};

}  // namespace runner
