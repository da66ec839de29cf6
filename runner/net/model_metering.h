#pragma once

// How a gateway meters requests to models: what it is given by whoever makes it. Plain data; loop
// thread.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/token_prices.h"
#include "runner/model/model_listener.h"
#include "runner/net/model_upstream.h"
#include "runner/run/meter.h"

namespace runner {

/// Without a meter it does not.
struct ModelMetering {
  Meter* meter = nullptr;  // outlives the gateway
  /// What a model costs; nothing where nobody knows.
  std::function<std::optional<dsl::ModelPrice>(std::string_view model)> price_of;
  std::map<std::string, ModelUpstream> upstreams;  // by the provider's host; the host itself else
  ModelListener listener = {};
};

}  // namespace runner
