#pragma once

// What an answer with the status 429 says of the time until the provider takes something again.
// Each provider tells it in other places. Pure; any thread.
//
// Sources: the providers' API references; the `anthropic-ratelimit-unified-*` fields as Claude Code
// 2.1.197 reads them, `usage_limit_reached` as Codex 0.169.0 does, RetryInfo and QuotaFailure as
// Gemini CLI 0.61.0 does.

#include <cstdint>
#include <functional>
#include <string_view>

#include "runner/model/dialect.h"
#include "runner/run/meter.h"

namespace runner {

/// `field` gives the value of a header field, "" where there is none; `body` is the error, or
/// anything else. A time that cannot be read is taken for none.
RateLimit read_rate_limit(ModelApi api,
                          const std::function<std::string_view(std::string_view name)>& field,
                          std::string_view body,
                          std::int64_t now_ms);

}  // namespace runner
