#pragma once

// One connection of a node to its Docker broker: one request, read whole, and
// what comes of it. Loop thread.

#include <functional>
#include <memory>

#include "runner/engine/broker_rules.h"
#include "runner/sys/event_loop.h"
#include "runner/sys/fd.h"

namespace runner {

class BrokerSession {
 public:
  struct Home {
    EventLoop& loop;
    std::string daemon;  // its socket
    /// Decides, and finds out whether what is named is the node's own. `answer`
    /// comes once, maybe within the call: with the call whose path is complete
    /// in `before`, or with an answer.
    std::function<void(const BrokerRequest& request, std::function<void(BrokerDecision)> answer)>
        ask;
    std::function<void(BrokerSession*)> over;  // the session may be destroyed in it
  };

  BrokerSession(Home home, Fd client);
  BrokerSession(const BrokerSession&) = delete;
  BrokerSession& operator=(const BrokerSession&) = delete;
  ~BrokerSession();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace runner
