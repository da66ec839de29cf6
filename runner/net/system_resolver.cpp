#include "runner/net/system_resolver.h"

#include <utility>

namespace runner {
namespace {

constexpr std::int64_t kKeepMs = 10'000;
constexpr std::size_t kMostKept = 1'024;

}  // namespace

void SystemResolver::resolve(const std::string& name, Done done) {
  const auto known = known_.find(name);
  if (known != known_.end() && known->second.until_ms > loop_.monotonic_ms()) {
    lookup_.answer(known->second.addresses, std::move(done));
    return;
  }
  lookup_.find(
      name,
      [this, name, done = std::move(done)](const dsl::Result<std::vector<dsl::IpAddress>>& found) {
        if (found) {
          if (known_.size() >= kMostKept) {
            known_.clear();
          }
          known_[name] = {*found, loop_.monotonic_ms() + kKeepMs};
        }
        done(found);
      });
}

}  // namespace runner
