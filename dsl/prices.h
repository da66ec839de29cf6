#pragma once

// What models cost: stdlib/prices.yaml, which says where its figures come from, embedded by CMake.
// Money per token is in whole billionths of a dollar, rounded up where a price is finer. Any
// thread; a table is constant once read.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "dsl/findings.h"
#include "dsl/source.h"

namespace dsl {

/// Billionths of a dollar for one token.
struct TokenPrices {
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cache_read = 0;
  std::int64_t cache_write = 0;       // kept for some minutes
  std::int64_t cache_write_long = 0;  // … for an hour
  bool operator==(const TokenPrices&) const = default;

  /// The most that reading a token can cost, whatever a cache does.
  [[nodiscard]] std::int64_t dearest_input() const;
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

class PriceTable {
 public:
  /// The library's.
  static PriceTable standard();

  /// Reads a table of the same form; what is wrong with it goes to `findings`.
  static PriceTable read(const Sources& sources, std::uint32_t source, Findings& findings);

  /// By the name that a provider's API takes: exact, or with a date or `-latest` behind it, or the
  /// mark of a longer context ("[1m]"). No value: nobody knows what it costs.
  [[nodiscard]] std::optional<ModelPrice> find(std::string_view model) const;

  /// "2026-08-05": the day on which the figures held.
  [[nodiscard]] const std::string& as_of() const { return as_of_; }
  [[nodiscard]] const std::map<std::string, ModelPrice, std::less<>>& models() const {
    return models_;
  }

 private:
  std::string as_of_;
  std::map<std::string, ModelPrice, std::less<>> models_;
};

}  // namespace dsl
