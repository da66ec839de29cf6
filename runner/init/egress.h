#pragma once

// A namespace's way to the gateway (Egress in protocol.h). It is set up by who owns the namespace,
// and proven by every job in it, who owns nothing.

#include <stddef.h>
#include <stdint.h>

#include "runner/init/protocol.h"

namespace runner::init {

/// What of a namespace comes to the gateway.
struct EgressWay {
  EgressPort ports[kMostEgressPorts];
  size_t count;
  bool every_address;  // not only those that stand for names
};

/// Sets the loopback up, hands the sockets over, and waits until they are served; ends the program
/// where any of that fails. The loopback is up.
void lead_to_gateway(int door, const EgressWay& way);

/// Why the network does not keep to the firewall.
struct EgressFailure {
  const char* name = nullptr;  // what was tried; null: it does
  int error_number = 0;
};

/// `names` is null-terminated: the first must be refused, the others answered. An empty list proves
/// nothing.
EgressFailure prove_egress(char** names);

}  // namespace runner::init
