#pragma once

// What a firewall refused, for people. Pure; any thread.

#include <string>

#include "runner/run/egress.h"

namespace runner::report {

/// "refused evil.test:443: no rule allows this host", in one line.
std::string egress_text(const EgressDenied& denied);

/// Only `mode: routed` has a rule for it: it is UDP, or to an address that was meant itself.
bool is_for_routed(const EgressDenied& denied);

/// What would let it through ("write firewall: {allow: [evil.test:443]}"), or "".
std::string egress_remedy(const EgressDenied& denied);

}  // namespace runner::report
