// What a provider is asked to count, and how far its count is trusted.

#include "runner/model/token_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace runner {
namespace {

using Json = nlohmann::ordered_json;

ModelCall call_to(ModelApi api) {
  ModelCall call;
  call.kind = ModelCall::Kind::Generate;
  call.api = api;
  call.model = api == ModelApi::GenerateContent ? "gemini-2.5-pro" : "";
  return call;
}

ModelRequest request(ModelApi api, const Json& body) {
  auto read = ModelRequest::read(call_to(api), body.dump());
  EXPECT_TRUE(read) << read.error().message;
  return *std::move(read);
}

CountRequest question(ModelApi api, const std::string& target, const Json& body) {
  return count_request(call_to(api), target, request(api, body));
}

Json messages() {
  return {{"model", "claude-sonnet-4-5"},
          {"max_tokens", 32'000},
          {"stream", true},
          {"system", "Be brief."},
          {"messages", Json::array({{{"role", "user"}, {"content", "go"}}})},
          {"tools", Json::array({{{"name", "Bash"}}})},
          {"thinking", {{"type", "enabled"}, {"budget_tokens", 2'000}}}};
}

TEST(TokenCount, AsksAnthropicWithWhatItReadsAndNothingElse) {
  Json body = messages();
  const CountRequest asked = question(ModelApi::Messages, "/v1/messages?beta=true", body);
  EXPECT_EQ(asked.target, "/v1/messages/count_tokens?beta=true");
  body.erase("max_tokens");
  body.erase("stream");
  EXPECT_EQ(Json::parse(asked.body), body);
}

TEST(TokenCount, AsksOpenAiInTheSameWay) {
  const Json body = {{"model", "gpt-5"},
                     {"input", "go"},
                     {"instructions", "Be brief."},
                     {"reasoning", {{"effort", "low"}}},
                     {"store", false},
                     {"stream", true}};
  const CountRequest asked = question(ModelApi::Responses, "/v1/responses", body);
  EXPECT_EQ(asked.target, "/v1/responses/input_tokens");
  EXPECT_EQ(Json::parse(asked.body),
            Json({{"model", "gpt-5"},
                  {"input", "go"},
                  {"instructions", "Be brief."},
                  {"reasoning", {{"effort", "low"}}}}));
}

TEST(TokenCount, AsksGeminiForTheRequestAsAWhole) {
  const Json contents =
      Json::array({{{"role", "user"}, {"parts", Json::array({{{"text", "go"}}})}}});
  const CountRequest asked =
      question(ModelApi::GenerateContent,
               "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=k",
               {{"contents", contents}, {"generationConfig", {{"maxOutputTokens", 5}}}});
  EXPECT_EQ(asked.target, "/v1beta/models/gemini-2.5-pro:countTokens?key=k");
  const Json inner = {{"contents", contents}, {"model", "models/gemini-2.5-pro"}};
  EXPECT_EQ(Json::parse(asked.body), Json({{"generateContentRequest", inner}}));
}

TEST(TokenCount, WhatTheEndpointDoesNotTakeIsCountedByItsBytes) {
  Json body = messages();
  const std::int64_t before = question(ModelApi::Messages, "/v1/messages", body).left_out;
  body["from_tomorrow"] = std::string(5'000, 'x');
  const CountRequest asked = question(ModelApi::Messages, "/v1/messages", body);
  EXPECT_THAT(asked.body, testing::Not(testing::HasSubstr("from_tomorrow")));
  EXPECT_GE(asked.left_out, before + 5'000);
}

TEST(TokenCount, AMarginStandsRoundACountAndTheBytesAboveIt) {
  ModelRequestFacts facts;
  facts.input_tokens = 150'000;
  const CountRequest asked{"", "", 100};
  const ModelRequestFacts less = counted(facts, asked, 20'000);
  EXPECT_EQ(less.input_tokens, 20'000 + 1'000 + 2'000 + 100);
  EXPECT_TRUE(less.is_counted);
  const ModelRequestFacts more = counted(facts, asked, 149'000);
  EXPECT_EQ(more.input_tokens, 150'000) << "never more than its bytes";
  EXPECT_FALSE(more.is_counted);
}

TEST(TokenCount, ThoughtsThatACountMayLeaveOutAreCountedByTheirBytes) {
  Json body = messages();
  const Json thought = {{"type", "thinking"},
                        {"thinking", std::string(300, 't')},
                        {"signature", std::string(700, 's')}};
  body["messages"].insert(
      body["messages"].begin(),
      Json({{"role", "assistant"},
            {"content",
             Json::array(
                 {thought, {{"type", "redacted_thinking"}, {"data", std::string(50, 'd')}}})}}));
  ModelRequestFacts facts = request(ModelApi::Messages, body).facts();
  EXPECT_EQ(facts.thought_bytes, 1'050);
  facts.input_tokens = 150'000;
  EXPECT_EQ(counted(facts, {}, 1'000).input_tokens, 1'000 + 50 + 2'000 + 1'050);

  const Json part = {{"text", "so"}, {"thoughtSignature", std::string(40, 'g')}};
  const Json contents = Json::array({{{"role", "model"}, {"parts", Json::array({part})}}});
  EXPECT_EQ(request(ModelApi::GenerateContent, {{"contents", contents}}).facts().thought_bytes, 40);
}

TEST(TokenCount, NothingBoundsWhatIsElsewhereAndWhatIsShortOrOfChatCompletionsHasNoCount) {
  Json body = messages();
  EXPECT_FALSE(is_countable(ModelApi::Messages, request(ModelApi::Messages, body).facts()));
  body["system"] = std::string(10'000, 'x');
  EXPECT_TRUE(is_countable(ModelApi::Messages, request(ModelApi::Messages, body).facts()));
  const Json source = {{"type", "url"}, {"url", "https://example.org/a.png"}};
  body["messages"][0]["content"] = Json::array({{{"type", "image"}, {"source", source}}});
  EXPECT_FALSE(is_countable(ModelApi::Messages, request(ModelApi::Messages, body).facts()));
  const Json chat = {{"model", "gpt-4o"}, {"user", std::string(10'000, 'x')}};
  EXPECT_FALSE(
      is_countable(ModelApi::ChatCompletions, request(ModelApi::ChatCompletions, chat).facts()));
}

TEST(TokenCount, NothingButANumberAboveNothingIsACount) {
  EXPECT_EQ(read_token_count(ModelApi::Messages, R"({"input_tokens":2095})"), 2'095);
  EXPECT_EQ(read_token_count(ModelApi::Responses,
                             R"({"object":"response.input_tokens","input_tokens":11})"),
            11);
  EXPECT_EQ(read_token_count(ModelApi::GenerateContent, R"({"totalTokens":31})"), 31);
  for (const char* none : {R"({"input_tokens":0})",
                           R"({"input_tokens":-5})",
                           R"({"input_tokens":"2095"})",
                           R"({"input_tokens":1.5})",
                           R"({"input_tokens":999999999999})",
                           R"({"input_tokens":99999999999999999999})",
                           R"({"input_tokens":null})",
                           R"({"totalTokens":31})",
                           "[2095]",
                           "2095",
                           "<html>"}) {
    EXPECT_EQ(read_token_count(ModelApi::Messages, none), std::nullopt) << none;
  }
}

}  // namespace
}  // namespace runner
