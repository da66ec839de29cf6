#include "runner/model/dialect.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace runner {
namespace {

using dsl::ModelDialect;
using Kind = ModelCall::Kind;
using Json = nlohmann::json;

TEST(ModelCall, KnowsWhatTheRealClientsSend) {
  const ModelCall claude =
      read_model_call(ModelDialect::Anthropic, "POST", "/v1/messages?beta=true");
  EXPECT_EQ(claude.kind, Kind::Generate);
  EXPECT_EQ(claude.api, ModelApi::Messages);
  EXPECT_EQ(read_model_call(ModelDialect::Anthropic, "HEAD", "/").kind, Kind::Free);

  const ModelCall codex = read_model_call(ModelDialect::OpenAi, "POST", "/v1/responses");
  EXPECT_EQ(codex.kind, Kind::Generate);
  EXPECT_EQ(codex.api, ModelApi::Responses);
  const ModelCall chat = read_model_call(ModelDialect::OpenAi, "POST", "/v1/chat/completions");
  EXPECT_EQ(chat.kind, Kind::Generate);
  EXPECT_EQ(chat.api, ModelApi::ChatCompletions);

  const ModelCall gemini = read_model_call(
      ModelDialect::Gemini, "POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse");
  EXPECT_EQ(gemini.kind, Kind::Generate);
  EXPECT_EQ(gemini.model, "gemini-2.5-pro");
  EXPECT_TRUE(gemini.streamed);
  EXPECT_FALSE(
      read_model_call(ModelDialect::Gemini, "POST", "/v1beta/models/gemini-2.5-pro:generateContent")
          .streamed);
}

TEST(ModelCall, CountingTokensAndListingModelsIsFree) {
  EXPECT_EQ(
      read_model_call(ModelDialect::Anthropic, "POST", "/v1/messages/count_tokens?beta=true").kind,
      Kind::Free);
  EXPECT_EQ(
      read_model_call(ModelDialect::Gemini, "POST", "/v1beta/models/gemini-2.5-pro:countTokens")
          .kind,
      Kind::Free);
  EXPECT_EQ(read_model_call(ModelDialect::OpenAi, "GET", "/v1/models").kind, Kind::Free);
  EXPECT_EQ(read_model_call(ModelDialect::Anthropic, "GET", "/v1/models/claude-x").kind,
            Kind::Free);
  EXPECT_EQ(read_model_call(ModelDialect::OpenAi, "GET", "/v1/models/ft:gpt-4o:acme::1").kind,
            Kind::Free);
}

TEST(ModelCall, WhatAServerMayReadAsAnotherPathIsNoList) {
  const std::pair<ModelDialect, const char*> targets[] = {
      {ModelDialect::Anthropic, "/v1/models/../messages"},
      {ModelDialect::Anthropic, "/v1/models/%2e%2e/messages"},
      {ModelDialect::Anthropic, "/v1/models/a/b"},
      {ModelDialect::Anthropic, "/v1/models/"},
      {ModelDialect::OpenAi, "/v1/models/.."},
      {ModelDialect::Gemini, "/v1beta/models/gemini-2.5-pro:generateContent"},
  };
  for (const auto& [dialect, target] : targets) {
    EXPECT_EQ(read_model_call(dialect, "GET", target).kind, Kind::Unknown) << target;
  }
}

TEST(ModelCall, WhateverElseThereIsHasNoKnownPrice) {
  const std::pair<ModelDialect, const char*> targets[] = {
      {ModelDialect::Anthropic, "/v1/messages/batches"},
      {ModelDialect::Anthropic, "/v1/messages/"},
      {ModelDialect::Anthropic, "//v1/messages"},
      {ModelDialect::Anthropic, "/v1/%6dessages"},
      {ModelDialect::Anthropic, "/v1/x/../messages"},
      {ModelDialect::OpenAi, "/v1/images/generations"},
      {ModelDialect::OpenAi, "/v1/responses/compact"},
      {ModelDialect::OpenAi, "/v1/embeddings"},
      {ModelDialect::Gemini, "/v1beta/models/gemini-2.5-pro:embedContent"},
      {ModelDialect::Gemini, "/v1beta/models/gemini%2D2.5-pro:generateContent"},
      {ModelDialect::Gemini, "/v1beta/models/../x:generateContent"},
      {ModelDialect::Gemini, "/upload/v1beta/files"},
  };
  for (const auto& [dialect, target] : targets) {
    EXPECT_EQ(read_model_call(dialect, "POST", target).kind, Kind::Unknown) << target;
  }
  EXPECT_EQ(read_model_call(ModelDialect::Anthropic, "DELETE", "/v1/models/x").kind, Kind::Unknown);
}

TEST(ModelError, HasTheShapeOfItsDialect) {
  const Json anthropic = Json::parse(model_error(ModelDialect::Anthropic, 400, "pipe-budget: no"));
  EXPECT_EQ(anthropic, Json::parse(R"({"type":"error","error":
      {"type":"invalid_request_error","message":"pipe-budget: no"}})"));
  const Json openai = Json::parse(model_error(ModelDialect::OpenAi, 400, "pipe-budget: no"));
  EXPECT_EQ(openai, Json::parse(R"({"error":{"message":"pipe-budget: no",
      "type":"invalid_request_error","param":null,"code":"pipe-budget"}})"));
  const Json gemini = Json::parse(model_error(ModelDialect::Gemini, 400, "pipe-budget: no"));
  EXPECT_EQ(gemini, Json::parse(R"({"error":{"code":400,"message":"pipe-budget: no",
      "status":"INVALID_ARGUMENT"}})"));
}

TEST(ModelError, TakesAnyTextAndStatus) {
  const Json told = Json::parse(model_error(ModelDialect::Anthropic, 599, "half \xff of\n\"it\""));
  EXPECT_EQ(told["error"]["type"], "api_error");
  EXPECT_EQ(told["error"]["message"], "half \xef\xbf\xbd of\n\"it\"");
  EXPECT_EQ(Json::parse(model_error(ModelDialect::Gemini, 429, ""))["error"]["status"],
            "RESOURCE_EXHAUSTED");
  EXPECT_EQ(Json::parse(model_error(ModelDialect::OpenAi, 418, "x"))["error"]["code"], nullptr);
}

}  // namespace
}  // namespace runner
