// What each provider says of its limits.

#include "runner/model/rate_limit.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace runner {
namespace {

constexpr std::int64_t kNow = 1'795'262'400'000;

RateLimit read(ModelApi api,
               const std::map<std::string, std::string>& fields,
               const std::string& body = "") {
  return read_rate_limit(
      api,
      [&](std::string_view name) {
        const auto found = fields.find(std::string(name));
        return found == fields.end() ? std::string_view() : std::string_view(found->second);
      },
      body,
      kNow);
}

TEST(RateLimits, OfAnthropicASubscriptionsWindow) {
  EXPECT_EQ(read(ModelApi::Messages,
                 {{"anthropic-ratelimit-unified-status", "rejected"},
                  {"anthropic-ratelimit-unified-reset", "1795266000"},
                  {"retry-after", "12"}}),
            (RateLimit{1'795'266'000'000, true, false}));
  EXPECT_EQ(read(ModelApi::Messages, {{"anthropic-ratelimit-unified-status", "rejected"}}),
            (RateLimit{0, true, false}));
}

TEST(RateLimits, OfAnthropicAPauseAndAnAmountThatIsUsedUp) {
  EXPECT_EQ(read(ModelApi::Messages, {{"retry-after", "30"}}),
            (RateLimit{kNow + 30'000, false, false}));
  EXPECT_EQ(read(ModelApi::Messages,
                 {},
                 R"({"error":{"type":"rate_limit_error",
                     "details":{"error_code":"enforced_spend_limit_reached"}}})"),
            (RateLimit{0, false, true}));
}

TEST(RateLimits, OfOpenAi) {
  for (const ModelApi api : {ModelApi::Responses, ModelApi::ChatCompletions}) {
    EXPECT_EQ(read(api,
                   {},
                   R"({"error":{"type":"usage_limit_reached","resets_at":1795266000,
                       "resets_in_seconds":3600}})"),
              (RateLimit{1'795'266'000'000, true, false}));
    EXPECT_EQ(read(api, {}, R"({"error":{"type":"usage_limit_reached","resets_in_seconds":3600}})"),
              (RateLimit{kNow + 3'600'000, true, false}));
    EXPECT_EQ(read(api,
                   {{"x-ratelimit-reset-requests", "1s"}, {"x-ratelimit-reset-tokens", "6m0s"}},
                   R"({"error":{"type":"tokens","code":"rate_limit_exceeded"}})"),
              (RateLimit{kNow + 360'000, false, false}));
    EXPECT_EQ(read(api, {{"retry-after-ms", "250"}}), (RateLimit{kNow + 250, false, false}));
    EXPECT_EQ(read(api, {}, R"({"error":{"code":"insufficient_quota"}})"),
              (RateLimit{0, false, true}));
  }
}

TEST(RateLimits, OfGeminiAlsoInTheArrayOfAStream) {
  const std::string pause =
      R"({"error":{"code":429,"details":[
          {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"43.5s"}]}})";
  EXPECT_EQ(read(ModelApi::GenerateContent, {}, pause), (RateLimit{kNow + 43'500, false, false}));
  const std::string day =
      R"([{"error":{"code":429,"details":[
          {"@type":"type.googleapis.com/google.rpc.QuotaFailure",
           "violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]},
          {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"43s"}]}}])";
  EXPECT_EQ(read(ModelApi::GenerateContent, {}, day), (RateLimit{kNow + 43'000, true, false}));
}

TEST(RateLimits, RetryAfterMayBeADate) {
  EXPECT_EQ(
      read(ModelApi::Messages, {{"retry-after", "Sat, 21 Nov 2026 13:20:00 GMT"}}).resets_at_ms,
      1'795'267'200'000);
}

TEST(RateLimits, WhatCannotBeReadIsNone) {
  for (const char* const text : {"",
                                 "soon",
                                 "-5",
                                 "1e400",
                                 "nan",
                                 "5 s",
                                 "99999999999999999999",
                                 "Sat, 41 Nov 2026 13:20:00 GMT",
                                 "1x",
                                 "."}) {
    EXPECT_EQ(read(ModelApi::Messages,
                   {{"retry-after", text},
                    {"retry-after-ms", text},
                    {"anthropic-ratelimit-unified-reset", text}}),
              RateLimit{})
        << text;
    EXPECT_EQ(read(ModelApi::Responses, {{"x-ratelimit-reset-tokens", text}}), RateLimit{}) << text;
  }
  for (const char* const body : {"",
                                 "null",
                                 "[]",
                                 "[1]",
                                 "{",
                                 R"({"error":7})",
                                 R"({"error":{"type":1,"details":[1,{"@type":2}]}})",
                                 R"({"error":{"details":{"error_code":[]}}})"}) {
    for (const ModelApi api :
         {ModelApi::Messages, ModelApi::Responses, ModelApi::GenerateContent}) {
      EXPECT_EQ(read(api, {}, body), RateLimit{}) << body;
    }
  }
}

}  // namespace
}  // namespace runner
