#include "runner/net/fake_addresses.h"

#include <gtest/gtest.h>

namespace runner {
namespace {

TEST(FakeAddresses, StandForTheirNamesForEver) {
  FakeAddresses addresses;
  const auto one = addresses.address_of("one.test");
  const auto two = addresses.address_of("two.test");
  EXPECT_NE(one, two);
  EXPECT_EQ(addresses.address_of("one.test"), one);
  EXPECT_EQ(*addresses.name_of(*one), "one.test");
  EXPECT_EQ(*addresses.name_of(*two), "two.test");
}

TEST(FakeAddresses, MeanNothingUnlessTheyWereGiven) {
  FakeAddresses addresses;
  const auto given = addresses.address_of("one.test");
  for (const char* const text :
       {"127.0.0.1", "198.18.0.1", "198.18.1.1", "::1", "255.255.255.255"}) {
    EXPECT_EQ(addresses.name_of(*dsl::IpAddress::parse(text)), nullptr) << text;
  }
  EXPECT_NE(addresses.name_of(*given), nullptr);
}

TEST(FakeAddresses, EndBeforeTheirRangeDoes) {
  FakeAddresses addresses;
  const dsl::IpRange range = *dsl::IpRange::parse("198.18.0.0/15");
  for (std::size_t i = 0; i < FakeAddresses::kMostNames; ++i) {
    const auto address = addresses.address_of("n" + std::to_string(i) + ".test");
    ASSERT_TRUE(address && range.contains(*address)) << i;
  }
  EXPECT_FALSE(addresses.address_of("one-more.test"));
  EXPECT_TRUE(addresses.address_of("n7.test"));
}

}  // namespace
}  // namespace runner
