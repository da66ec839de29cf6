#pragma once

// How much a model may be given to read by one request. A text is in the request: a token of it is
// a byte at the least. A picture is as many tokens as its pixels make, whatever its bytes are; a
// document, a sound and what is named only can be anything. What nobody here knows is taken for the
// last, so that a kind of content that a provider invents tomorrow is not free. Internal to this
// room. Pure; any thread.
//
// Sources: the providers' API references for requests, for pictures and for their prices, 2026-08.

#include <cstdint>
#include <string>

#include "dsl/json_tree.h"
#include "dsl/token_prices.h"
#include "runner/model/dialect.h"

namespace runner {

struct RequestContent {
  std::int64_t pictures = 0;
  std::int64_t picture_bytes = 0;  // of the request's, that its pictures take
  // … that thoughts of the model's take which it is handed back. OpenAI's are not among them.
  std::int64_t thought_bytes = 0;
  bool is_elsewhere = false;  // some is not in the request, or is more than its bytes
  dsl::CacheWrites cache_writes = dsl::CacheWrites::ForAnHour;  // that are asked for, or usual
  /// For people: why its tokens have prices of their own ("audio/mp3 has a price of its own"); ""
  /// they have not.
  std::string unpriced;
};

/// REQUIRES: a record, in which each key stands once.
RequestContent content_of(ModelApi api, dsl::JsonNode request);

/// The tokens of one picture at the most.
std::int64_t most_of_picture(ModelApi api);

}  // namespace runner
