#include "dsl/units.h"

#include <gtest/gtest.h>

namespace dsl {
namespace {

struct DurationCase {
  std::string_view text;
  std::int64_t ms;
  std::string_view canonical;
};

TEST(Duration, IsReadAndWrittenBack) {
  for (const DurationCase& c : {DurationCase{"90s", 90'000, "1m30s"},
                                {"1h30m", 5'400'000, "1h30m"},
                                {"250ms", 250, "250ms"},
                                {"2d", 172'800'000, "2d"},
                                {"1d2h3m4s5ms", 93'784'005, "1d2h3m4s5ms"},
                                {"0s", 0, "0s"}}) {
    const auto duration = parse_duration(c.text);
    ASSERT_TRUE(duration) << c.text;
    EXPECT_EQ(duration->ms, c.ms) << c.text;
    EXPECT_EQ(to_text(*duration), c.canonical);
    EXPECT_EQ(parse_duration(to_text(*duration))->ms, c.ms);
  }
}

TEST(Duration, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", "90", "s", "1.5h", "-3h", "3 h", "1m1h", "1h1h", "3H", "5min", "1h ", "h1"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Duration, RefusesWhatDoesNotFit) {
  EXPECT_TRUE(parse_duration("9223372036854775807ms"));
  EXPECT_FALSE(parse_duration("9223372036854775808ms"));
  EXPECT_FALSE(parse_duration("106751991168d"));
  EXPECT_FALSE(parse_duration("106751991167d9223372036854775807ms"));
  EXPECT_EQ(parse_duration("99999999999999999999h").error().message,
            "'99999999999999999999h' is too large");
}

TEST(Duration, IsRoundedForPeople) {
  EXPECT_EQ(to_rounded_text(Duration{850}), "850ms");
  EXPECT_EQ(to_rounded_text(Duration{3'249}), "3.2s");
  EXPECT_EQ(to_rounded_text(Duration{59'949}), "59.9s");
  EXPECT_EQ(to_rounded_text(Duration{59'950}), "1m00s");
  EXPECT_EQ(to_rounded_text(Duration{192'000}), "3m12s");
  EXPECT_EQ(to_rounded_text(Duration{3'599'600}), "1h00m");
  EXPECT_EQ(to_rounded_text(Duration{7'500'000}), "2h05m");
  EXPECT_EQ(to_rounded_text(Duration{93'600'000}), "1d02h");
}

TEST(Bytes, AreReadAndWrittenInTheShortestWay) {
  EXPECT_EQ(parse_bytes("4GiB")->count, 4'294'967'296);
  EXPECT_EQ(parse_bytes("10GB")->count, 10'000'000'000);
  EXPECT_EQ(parse_bytes("100kB")->count, 100'000);
  EXPECT_EQ(parse_bytes("7B")->count, 7);
  for (const std::string_view text : {"4GiB", "10GB", "100kB", "7B", "1TiB", "0B", "1025B"}) {
    EXPECT_EQ(to_text(*parse_bytes(text)), text);
  }
}

TEST(Bytes, RefuseWhatIsNoneOrDoesNotFit) {
  for (const std::string_view text :
       {"", "512", "4G", "4gib", "1.5GiB", "-1B", "4 GB", "8388608TiB", "GiB"}) {
    EXPECT_FALSE(parse_bytes(text)) << text;
  }
  EXPECT_TRUE(parse_bytes("8388607TiB"));
}

TEST(Money, IsExactToTheMillionthOfADollar) {
  EXPECT_EQ(parse_money("$5")->micros, 5'000'000);
  EXPECT_EQ(parse_money("$0.25")->micros, 250'000);
  EXPECT_EQ(parse_money("$0.000001")->micros, 1);
  EXPECT_EQ(to_text(Money{250'000}), "$0.25");
  EXPECT_EQ(to_text(Money{5'000'000}), "$5");
  EXPECT_EQ(to_text(Money{1}), "$0.000001");
}

TEST(Money, RefusesWhatIsNoneOrDoesNotFit) {
  for (const std::string_view text :
       {"", "5", "$", "$.5", "$5.", "$0.0000001", "$-5", "5$", "$1e3"}) {
    EXPECT_FALSE(parse_money(text)) << text;
  }
  EXPECT_EQ(parse_money("5").error().remedy, "write '$5'");
  EXPECT_TRUE(parse_money("$9223372036854.775807"));
  EXPECT_FALSE(parse_money("$9223372036854.775808"));
}

TEST(Cpus, AreThousandths) {
  EXPECT_EQ(parse_cpus("2")->millis, 2'000);
  EXPECT_EQ(parse_cpus("0.5")->millis, 500);
  EXPECT_EQ(to_text(Cpus{500}), "0.5");
  for (const std::string_view text : {"0", "0.000", "", "two", "0.0005", "-1", "1,5", ".5"}) {
    EXPECT_FALSE(parse_cpus(text)) << text;
  }
}

TEST(Tokens, HaveThousandsAndMillions) {
  EXPECT_EQ(parse_tokens("5M")->count, 5'000'000);
  EXPECT_EQ(parse_tokens("200k")->count, 200'000);
  EXPECT_EQ(parse_tokens("1500")->count, 1'500);
  EXPECT_EQ(to_text(Tokens{1'500}), "1500");
  EXPECT_EQ(to_text(Tokens{5'000'000}), "5M");
  EXPECT_EQ(to_text(Tokens{0}), "0");
  for (const std::string_view text : {"", "1.5M", "5m", "M", "-1", "9223372036854775807k"}) {
    EXPECT_FALSE(parse_tokens(text)) << text;
  }
}

}  // namespace
}  // namespace dsl
