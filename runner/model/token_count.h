#pragma once

// How a provider is asked how many tokens a request has, and what its answer is worth. Counting is
// free, and takes none of the requests that a rate limit of the models allows. Pure; any thread.
//
// Sources: the references of Anthropic's /v1/messages/count_tokens, OpenAI's
// /v1/responses/input_tokens and Gemini's models.countTokens, and the guides to each, 2026-11.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runner/model/dialect.h"
#include "runner/model/model_request.h"

namespace runner {

/// To be sent by POST, with the headers of the request that it is about.
struct CountRequest {
  std::string target;
  std::string body;
  std::int64_t left_out = 0;  // bytes of that request which the endpoint does not take
};

/// A count can bound it, and be worth the question: its API has such an endpoint, all of its
/// content is in it, and there is enough of it.
bool is_countable(ModelApi api, const ModelRequestFacts& facts);

/// REQUIRES: is_countable. `target` is that of the request, which is as it came.
CountRequest count_request(const ModelCall& call,
                           std::string_view target,
                           const ModelRequest& request);

/// What the endpoint answered. Nothing: it is no count.
std::optional<std::int64_t> read_token_count(ModelApi api, std::string_view body);

/// With as many tokens of input as the count makes likely at the most, and never more than before.
ModelRequestFacts counted(ModelRequestFacts facts, const CountRequest& asked, std::int64_t count);

}  // namespace runner
