#pragma once

// Keys and certificates for one private connection: an authority that nobody else knows, and what
// it signs. No file is touched. Any thread.

#include <string>
#include <vector>

#include "dsl/result.h"
#include "dsl/units.h"

namespace runner {

/// As PEM.
struct Certificate {
  std::string certificate;
  std::string key;
};

struct TlsIdentities {
  std::string authority;  // its certificate; its key is thrown away
  Certificate server;
  Certificate client;
};

/// `names` are what clients may call the server, each "DNS:localhost" or "IP:127.0.0.1". Good from
/// an hour ago (for clocks that differ) until `good_for` from now.
dsl::Result<TlsIdentities> make_tls_identities(const std::vector<std::string>& names,
                                               dsl::Duration good_for);

}  // namespace runner
