#pragma once

// The machine's own resolver. What it found is used again for some seconds, since programs open
// many connections to one host at a time. Loop thread.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runner/net/resolver.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/name_lookup.h"

namespace runner {

class SystemResolver final : public Resolver {
 public:
  explicit SystemResolver(EventLoop& loop) : loop_(loop), lookup_(loop) {}
  void resolve(const std::string& name, Done done) override;

 private:
  struct Known {
    std::vector<dsl::IpAddress> addresses;
    std::int64_t until_ms = 0;  // of the monotonic clock
  };
  EventLoop& loop_;
  std::map<std::string, Known> known_;
  NameLookup lookup_;
};

}  // namespace runner
