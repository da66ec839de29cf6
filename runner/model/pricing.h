#pragma once

// What requests cost, before and after they are answered. Pure; any thread.

#include "dsl/token_prices.h"
#include "dsl/units.h"
#include "runner/model/model_request.h"
#include "runner/run/ledger.h"

namespace runner {

/// The most that a request can cost and take.
SpendAsk worst_case(const ModelRequestFacts& facts, const dsl::ModelPrice& price);

/// The limit for each of a request's answers, where so many tokens were granted for all of them.
std::int64_t output_of_each(const ModelRequestFacts& facts, std::int64_t granted);

/// What a provider bills; in full millionths of a dollar, rounded up.
dsl::Money cost_of(const Usage& usage, const dsl::ModelPrice& price);

}  // namespace runner
