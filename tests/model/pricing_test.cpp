#include "runner/model/pricing.h"

#include <gtest/gtest.h>

#include "dsl/prices.h"

namespace runner {
namespace {

const dsl::ModelPrice kSonnet = *dsl::PriceTable::standard().find("claude-sonnet-4-5-20250929");

TEST(Pricing, IsWhatTheProviderBillsMeasured) {
  // Measured with a real client: input 3, output 15, read 0.30, written 3.75 and 6.00.
  EXPECT_EQ(cost_of(Usage{1'000, 0, 0, 0, 0}, kSonnet).micros, 3'000);
  EXPECT_EQ(cost_of(Usage{0, 1'000, 0, 0, 0}, kSonnet).micros, 300);
  EXPECT_EQ(cost_of(Usage{0, 0, 1'000, 0, 0}, kSonnet).micros, 3'750);
  EXPECT_EQ(cost_of(Usage{0, 0, 0, 1'000, 0}, kSonnet).micros, 6'000);
  EXPECT_EQ(cost_of(Usage{0, 0, 0, 0, 1'000}, kSonnet).micros, 15'000);
  EXPECT_EQ(cost_of(Usage{0, 1, 0, 0, 0}, kSonnet).micros, 1) << "never too little";
}

TEST(Pricing, OfALongRequestHoldsForAllOfIt) {
  EXPECT_EQ(cost_of(Usage{100'000, 100'001, 0, 0, 1'000}, kSonnet).micros,
            600'000 + 60'001 + 22'500);
}

TEST(Pricing, OfTheWorstCaseIsNeverLessThanTheBill) {
  for (const std::int64_t bytes : {100, 150'000, 250'000}) {
    ModelRequestFacts facts;
    facts.input_tokens = bytes;
    facts.output_tokens = 4'000;
    const SpendAsk ask = worst_case(facts, kSonnet);
    const std::int64_t most = ask.input_cost.micros + cost_of(4'000, ask.output_nanos).micros;
    for (const Usage& usage : {Usage{bytes, 0, 0, 0, 4'000},
                               Usage{0, bytes, 0, 0, 4'000},
                               Usage{0, 0, bytes, 0, 4'000},
                               Usage{0, 0, 0, bytes, 4'000},
                               Usage{1, bytes / 2, 0, bytes / 2 - 1, 17}}) {
      EXPECT_LE(cost_of(usage, kSonnet).micros, most);
      EXPECT_LE(usage.tokens(), ask.input_tokens + ask.output_tokens);
    }
  }
}

TEST(Pricing, OfACacheIsHeldWhereOneIsWritten) {
  ModelRequestFacts facts;
  facts.input_tokens = 1'000;
  const std::pair<dsl::CacheWrites, std::int64_t> rows[] = {
      {dsl::CacheWrites::None, 3'000},
      {dsl::CacheWrites::ForMinutes, 3'750},
      {dsl::CacheWrites::ForAnHour, 6'000},
  };
  for (const auto& [writes, micros] : rows) {
    facts.cache_writes = writes;
    EXPECT_EQ(worst_case(facts, kSonnet).input_cost.micros, micros);
  }
}

TEST(Pricing, AsksForAllAnswersAndLimitsEach) {
  ModelRequestFacts facts;
  facts.output_tokens = 100;
  facts.answers = 3;
  facts.least_output_tokens = 256;
  const SpendAsk ask = worst_case(facts, kSonnet);
  EXPECT_EQ(ask.output_tokens, 300);
  EXPECT_EQ(ask.least_output_tokens, 300);
  EXPECT_EQ(output_of_each(facts, 200), 66);
  facts.output_tokens.reset();
  EXPECT_EQ(worst_case(facts, kSonnet).output_tokens, 3 * ModelRequest::kMostOutput);
}

}  // namespace
}  // namespace runner
