#pragma once

// What a model costs. Money per token is in whole billionths of a dollar, rounded up where a price
// is finer. Any thread; plain data.

#include <algorithm>
#include <cstdint>
#include <string>

namespace dsl {

/// No request to a model has, or gets, more tokens: a figure above it means nothing.
inline constexpr std::int64_t kMostTokens = 100'000'000;

/// For how long a request may have a provider keep what it sends, which is dearer the longer it is.
enum class CacheWrites { None, ForMinutes, ForAnHour };

/// Billionths of a dollar for one token.
struct TokenPrices {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;       // kept for some minutes
  std::int64_t cache_write_long = 0;  // … for an hour
  bool operator==(const TokenPrices&) const = default;

  /// The most that reading a token can cost, whatever a cache does that may write so.
  [[nodiscard]] std::int64_t dearest_input(CacheWrites writes = CacheWrites::ForAnHour) const {
    return std::max({input,
                     cache_read,
                     writes == CacheWrites::None ? 0 : cache_write,
                     writes == CacheWrites::ForAnHour ? cache_write_long : 0});
  }
};

struct ModelPrice {
  TokenPrices usual;
  std::int64_t long_from = 0;  // requests that send more tokens than this cost `longer`; 0: none
  TokenPrices longer;
  bool operator==(const ModelPrice&) const = default;

  /// Of a request that sends so many tokens, cached or not.
  [[nodiscard]] const TokenPrices& prices(std::int64_t sent_tokens) const {
    return long_from > 0 && sent_tokens > long_from ? longer : usual;
  }
};

/// A price that a pipeline gives.
struct PricedModel {
  std::string model;
  ModelPrice price;
  bool operator==(const PricedModel&) const = default;
};

}  // namespace dsl
