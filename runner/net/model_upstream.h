#pragma once

// Where requests to a model's provider really go, where another server stands in its place: a proxy
// of the user's, or a rehearsal. Pure; any thread.

#include <cstdint>
#include <string>
#include <string_view>

#include "dsl/result.h"

namespace runner {

/// The key of the provider goes there too, so nobody but the user may choose one.
struct ModelUpstream {
  bool tls = true;
  std::string host;  // a name, or an address, of any kind: also of this machine
  std::uint16_t port = 0;
  std::string path;  // stands before that of each request: "/anthropic", "" none
  bool operator==(const ModelUpstream&) const = default;
};

/// "https://proxy.example.org/anthropic", "http://127.0.0.1:8080". An Error says what to write.
dsl::Result<ModelUpstream> parse_model_upstream(std::string_view url);

}  // namespace runner
