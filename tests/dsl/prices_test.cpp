#include "dsl/prices.h"

#include <algorithm>
#include <iterator>

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

// What a provider takes for a cache, and for long requests, is the same part of its price with all
// of its models, or one of a few: a figure that was mended alone, or misread, stands out.
TEST(Prices, TheLibrarysTableDoesNotContradictItself) {
  struct Habits {
    const char* prefix;
    std::vector<std::int64_t> read_parts;  // a cache's is input divided by one of these
  };
  const Habits all[] = {
      {"claude-", {10}}, {"gpt-", {1, 2, 4, 10}}, {"o", {1, 2, 4}}, {"gemini-", {1, 10}}};
  const PriceTable table = PriceTable::standard();
  for (const auto& [name, price] : table.models()) {
    const auto habits = std::find_if(std::begin(all), std::end(all), [&name](const Habits& one) {
      return name.starts_with(one.prefix);
    });
    ASSERT_NE(habits, std::end(all)) << name << ": whose is it?";
    const auto check = [&](const TokenPrices& prices) {
      EXPECT_TRUE(std::any_of(habits->read_parts.begin(),
                              habits->read_parts.end(),
                              [&](auto part) { return prices.cache_read * part == prices.input; }))
          << name << ": a cache's " << prices.cache_read << " of " << prices.input;
      const bool is_anthropics = habits == std::begin(all);
      EXPECT_EQ(prices.cache_write, (prices.input * (is_anthropics ? 5 : 4) + 3) / 4) << name;
      EXPECT_EQ(prices.cache_write_long, prices.input * (is_anthropics ? 2 : 1)) << name;
      EXPECT_GE(prices.output, prices.input * 3) << name;
      EXPECT_LE(prices.output, prices.input * 9) << name;
    };
    check(price.usual);
    if (price.long_from > 0) {
      check(price.longer);
      EXPECT_EQ(price.longer.input, price.usual.input * 2) << name;
      EXPECT_EQ(price.longer.output * 2, price.usual.output * 3) << name;
      EXPECT_EQ(price.longer.cache_read, price.usual.cache_read * 2) << name;
    }
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
        std::pair("{input: 1, output: 1, above: {input: 1, output: 1}}", "tokens"),
        std::pair("{input: 0, output: 1}", "costs nothing"),
        std::pair("{input: 1, output: 1, above: {tokens: 999, input: 1, output: 1}}", "1000"),
        std::pair("{input: 2, output: 1, above: {tokens: 9000, input: 1, output: 1}}", "'input'"),
        std::pair("{input: 1, output: 1, cache_write: 2, above: {tokens: 9000, input: 1, output: "
                  "1}}",
                  "'cache_write'")}) {
    const ReadTable read_table =
        read("version: 1\nas_of: 2026-01-01\nmodels: {m: " + std::string(price) + "}\n");
    ASSERT_FALSE(read_table.found.empty()) << price;
    EXPECT_THAT(read_table.found.front().message, HasSubstr(message));
    EXPECT_GT(read_table.found.front().span.end, 0U);
  }
}

}  // namespace
}  // namespace dsl
