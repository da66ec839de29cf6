#include "runner/model/pricing.h"

#include <algorithm>

namespace runner {

SpendAsk worst_case(const ModelRequestFacts& facts, const dsl::ModelPrice& price) {
  std::int64_t input_nanos = price.usual.dearest_input(facts.cache_writes);
  SpendAsk ask;
  ask.output_nanos = price.usual.output;
  if (price.long_from > 0 && facts.input_tokens > price.long_from) {
    input_nanos = std::max(input_nanos, price.longer.dearest_input(facts.cache_writes));
    ask.output_nanos = std::max(ask.output_nanos, price.longer.output);
  }
  ask.input_tokens = facts.input_tokens;
  ask.input_is_counted = facts.is_counted;
  ask.input_cost = cost_of(facts.input_tokens, input_nanos);
  const std::int64_t each = facts.output_tokens.value_or(ModelRequest::kMostOutput);
  ask.output_tokens = each * facts.answers;
  ask.least_output_tokens = std::min(facts.least_output_tokens, each) * facts.answers;
  return ask;
}

std::int64_t output_of_each(const ModelRequestFacts& facts, std::int64_t granted) {
  return granted / facts.answers;
}

dsl::Money cost_of(const Usage& usage, const dsl::ModelPrice& price) {
  const dsl::TokenPrices& each = price.prices(usage.sent_tokens());
  const std::int64_t nanos =
      usage.input_tokens * each.input + usage.cache_read_tokens * each.cache_read +
      usage.cache_write_tokens * each.cache_write +
      usage.cache_write_long_tokens * each.cache_write_long + usage.output_tokens * each.output;
  return cost_of(1, nanos);
}

}  // namespace runner
