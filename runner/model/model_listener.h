#pragma once

// An answer of a provider as a gateway hears it pass, for whoever writes a run's answers down.
// Plain data.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "dsl/units.h"
#include "runner/model/dialect.h"

namespace runner {

/// What of an answer arrived.
struct HeardAnswer {
  unsigned status = 0;                             // 0: there was none
  std::string retry_after;                         // the header's value, "" none
  std::optional<dsl::Duration> resets_after = {};  // a rate limit's window, where it is shut
  std::string body = {};                           // decoded
  bool whole = false;                              // it came to its end
};

/// Told of the requests that pass a gateway. Empty: nobody listens. Loop thread.
struct ModelListener {
  /// A request of this network goes to a model. What it gives is told to `heard`.
  std::function<std::size_t(const std::string& network)> asked;
  std::function<void(
      const std::string& network, std::size_t turn, ModelApi api, const HeardAnswer& answer)>
      heard;
};

}  // namespace runner
