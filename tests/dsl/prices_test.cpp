#include "dsl/prices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dsl/stdlib.h"

namespace dsl {
namespace {

using testing::HasSubstr;

struct ReadTable {
  PriceTable table;
  std::vector<Diagnostic> found;
};

ReadTable read(const std::string& text) {
  Sources sources;
  Findings findings;
  PriceTable table = PriceTable::read(sources, sources.add("prices.yaml", text), findings);
  return {std::move(table), findings.take()};
}

TEST(Prices, TheLibrarysTableIsWithoutMistakes) {
  Sources sources;
  Findings findings;
  const auto text = std::string(stdlib_prices());
  const PriceTable table = PriceTable::read(sources, sources.add("std/prices", text), findings);
  const auto found = findings.take();
  EXPECT_TRUE(found.empty()) << found.front().message;
  EXPECT_EQ(table.as_of(), "2026-08-05");
  EXPECT_GT(table.models().size(), 40U);
  for (const auto& [name, price] : table.models()) {
    for (const TokenPrices& prices :
         {price.usual, price.long_from > 0 ? price.longer : price.usual}) {
      EXPECT_GT(prices.input, 0) << name;
      EXPECT_GE(prices.output, prices.input) << name;
      EXPECT_LE(prices.cache_read, prices.input) << name;
      EXPECT_GE(prices.cache_write, prices.input) << name;
    }
    EXPECT_GE(price.prices(10'000'000).input, price.usual.input) << name;
  }
}

TEST(Prices, AreThoseThatARealClientCountedWith) {
  const auto sonnet = PriceTable::standard().find("claude-sonnet-4-5-20250929");
  ASSERT_TRUE(sonnet);
  EXPECT_EQ(sonnet->usual, (TokenPrices{3'000, 15'000, 300, 3'750, 6'000}));
  EXPECT_EQ(sonnet->usual.dearest_input(), 6'000);
  EXPECT_EQ(sonnet->prices(200'000).output, 15'000);
  EXPECT_EQ(sonnet->prices(200'001).output, 22'500);
}

TEST(Prices, ADateOrAMarkBehindANameMeansTheSameModel) {
  const PriceTable table = PriceTable::standard();
  const auto known = table.find("claude-sonnet-4-5");
  for (const char* name : {"claude-sonnet-4-5@20250929",
                           "claude-sonnet-4-5-latest",
                           "claude-sonnet-4-5[1m]",
                           "claude-sonnet-4-5-20250929[1m]"}) {
    EXPECT_EQ(table.find(name), known) << name;
  }
  EXPECT_EQ(table.find("gpt-4o-2024-11-20"), table.find("gpt-4o"));
}

TEST(Prices, WhatNobodyKnowsIsNotGuessed) {
  const PriceTable table = PriceTable::standard();
  for (const char* name : {"",
                           "claude",
                           "claude-sonnet-4-55",
                           "claude-sonnet-4-5-2025",
                           "claude-sonnet-4-5-latest-20250929-x",
                           "gpt-4o-2024-11-2x",
                           "20250929",
                           "-20250929"}) {
    EXPECT_EQ(table.find(name), std::nullopt) << name;
  }
}

TEST(Prices, AModelWithoutPricesForACacheHasItsInputPrice) {
  const ReadTable read_table =
      read("version: 1\nas_of: 2026-01-01\nmodels: {m: {input: 0.0375, output: 1}}\n");
  EXPECT_TRUE(read_table.found.empty());
  EXPECT_EQ(read_table.table.find("m")->usual, (TokenPrices{38, 1'000, 38, 38, 38}))
      << "and is never rounded to somebody's loss";
}

TEST(Prices, MistakesAreToldWithTheirPlace) {
  for (const auto& [price, message] :
       {std::pair("{input: free, output: 1}", "'free' is no price"),
        std::pair("{input: -1, output: 1}", "'-1' is no price"),
        std::pair("{input: 1e3, output: 1}", "'1e3' is no price"),
        std::pair("{input: $1, output: 1}", "'$1' is no price"),
        std::pair("{input: 9999999, output: 1}", "'9999999' is no price"),
        std::pair("{input: 1}", "output"),
        std::pair("{input: 1, output: 1, ouput: 2}", "ouput"),
        std::pair("{input: 1, output: 1, above: {input: 1, output: 1}}", "tokens")}) {
    const ReadTable read_table =
        read("version: 1\nas_of: 2026-01-01\nmodels: {m: " + std::string(price) + "}\n");
    ASSERT_FALSE(read_table.found.empty()) << price;
    EXPECT_THAT(read_table.found.front().message, HasSubstr(message));
    EXPECT_GT(read_table.found.front().span.end, 0U);
  }
}

}  // namespace
}  // namespace dsl
