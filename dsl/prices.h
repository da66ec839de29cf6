#pragma once

// What models cost: stdlib/prices.yaml, which says where its figures come from, embedded by CMake.
// Any thread; a table is constant once made.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dsl/findings.h"
#include "dsl/source.h"
#include "dsl/token_prices.h"

namespace dsl {

class PriceTable {
 public:
  /// The library's.
  static PriceTable standard();

  /// Reads a table of the same form; what is wrong with it goes to `findings`.
  static PriceTable read(const Sources& sources, std::uint32_t source, Findings& findings);

  /// The same table with prices that go before its own.
  [[nodiscard]] PriceTable with(const std::vector<PricedModel>& prices) const;

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
