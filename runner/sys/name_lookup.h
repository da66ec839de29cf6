#pragma once

// The system's own way from names to addresses (files, name servers, whatever it is set up for). It
// blocks, sometimes for half a minute, so it has threads of its own that nothing else waits for.
// Loop thread.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dsl/ip_address.h"
#include "dsl/result.h"
#include "runner/sys/event_loop.h"

namespace runner {

class NameLookup {
 public:
  using Done = std::function<void(dsl::Result<std::vector<dsl::IpAddress>>)>;

  explicit NameLookup(EventLoop& loop);
  NameLookup(const NameLookup&) = delete;
  NameLookup& operator=(const NameLookup&) = delete;
  /// Does not wait for what is under way; its callbacks never come.
  ~NameLookup();

  /// `done` is called once, on the loop thread. In the order in which they should be tried.
  void find(const std::string& name, Done done);

  /// The same for what is known already.
  void answer(std::vector<dsl::IpAddress> addresses, Done done);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// The addresses of this machine's interfaces, as they are now.
std::vector<dsl::IpAddress> own_addresses();

}  // namespace runner
