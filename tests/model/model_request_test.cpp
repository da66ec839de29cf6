#include "runner/model/model_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace runner {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

ModelCall call_of(ModelApi api) {
  ModelCall call;
  call.kind = ModelCall::Kind::Generate;
  call.api = api;
  if (api == ModelApi::GenerateContent) {
    call.model = "gemini-2.5-pro";
    call.streamed = true;
  }
  return call;
}

ModelRequest request(ModelApi api, const std::string& body) {
  auto read = ModelRequest::read(call_of(api), body);
  EXPECT_TRUE(read) << read.error().message;
  return *std::move(read);
}

std::string problem(ModelApi api, const std::string& body) {
  const auto read = ModelRequest::read(call_of(api), body);
  return read ? "" : read.error().message;
}

TEST(ModelRequest, ReadsWhatEachApiAsksFor) {
  const std::string messages =
      R"({"model":"claude-sonnet-4-5","max_tokens":32000,"stream":true,"messages":[]})";
  const ModelRequest claude = request(ModelApi::Messages, messages);
  EXPECT_EQ(claude.facts().model, "claude-sonnet-4-5");
  EXPECT_EQ(claude.facts().output_tokens, 32'000);
  EXPECT_TRUE(claude.facts().streamed);
  EXPECT_GE(claude.facts().input_tokens, static_cast<std::int64_t>(messages.size()));
  EXPECT_LT(claude.facts().input_tokens, 10'000);

  const ModelRequest codex =
      request(ModelApi::Responses, R"({"model":"gpt-5","input":"hi","max_output_tokens":7})");
  EXPECT_EQ(codex.facts().output_tokens, 7);
  EXPECT_FALSE(codex.facts().streamed);

  const ModelRequest chat = request(ModelApi::ChatCompletions,
                                    R"({"model":"gpt-4o","max_tokens":5,"n":3,"stream":false})");
  EXPECT_EQ(chat.facts().output_tokens, 5);
  EXPECT_EQ(chat.facts().answers, 3);
  EXPECT_EQ(request(ModelApi::ChatCompletions,
                    R"({"model":"o3","max_tokens":5,"max_completion_tokens":9})")
                .facts()
                .output_tokens,
            9);

  const ModelRequest gemini =
      request(ModelApi::GenerateContent,
              R"({"contents":[],"generationConfig":{"maxOutputTokens":11,"candidateCount":2}})");
  EXPECT_EQ(gemini.facts().model, "gemini-2.5-pro");
  EXPECT_TRUE(gemini.facts().streamed);
  EXPECT_EQ(gemini.facts().output_tokens, 11);
  EXPECT_EQ(gemini.facts().answers, 2);
}

TEST(ModelRequest, WithoutALimitHasNone) {
  for (const ModelApi api :
       {ModelApi::Responses, ModelApi::ChatCompletions, ModelApi::GenerateContent}) {
    EXPECT_EQ(request(api, R"({"model":"m"})").facts().output_tokens, std::nullopt);
  }
}

TEST(ModelRequest, IsNoneWithoutAModelOrAnObject) {
  EXPECT_THAT(problem(ModelApi::Messages, R"({"max_tokens":1})"), HasSubstr("no model"));
  EXPECT_THAT(problem(ModelApi::Messages, R"({"model":7})"), HasSubstr("no model"));
  EXPECT_THAT(problem(ModelApi::Messages, "[1]"), HasSubstr("no JSON object"));
  EXPECT_THAT(problem(ModelApi::Messages, R"({"model":"m")"), HasSubstr("no JSON"));
  EXPECT_THAT(problem(ModelApi::Messages, "{\"model\":\"\xff\"}"), HasSubstr("no JSON"));
  EXPECT_THAT(problem(ModelApi::Messages, R"({"model":"m"} 7)"), HasSubstr("no JSON"));
  EXPECT_THAT(problem(ModelApi::Messages, R"({"model":"m","max_tokens":1e999})"),
              HasSubstr("too large"));
  EXPECT_THAT(problem(ModelApi::Messages, std::string(1'000'000, '[')), HasSubstr("levels deep"));
  EXPECT_THAT(
      problem(ModelApi::GenerateContent, R"({"generation_config":{"max_output_tokens":9}})"),
      HasSubstr("camelCase"));
}

TEST(ModelRequest, SaysEachKeyOnceWhateverCame) {
  const ModelRequest twice =
      request(ModelApi::Messages, R"({"model":"m","max_tokens":1,"max_tokens":64000})");
  EXPECT_EQ(twice.facts().output_tokens, 64'000);
  EXPECT_EQ(twice.body(), R"({"model":"m","max_tokens":64000})");
  EXPECT_EQ(
      request(ModelApi::Messages, R"({"model":"m","x":[{"a":1,"b":{"c":1, "\u0063":2}}]})").body(),
      R"({"model":"m","x":[{"a":1,"b":{"c":2}}]})");
}

TEST(ModelRequest, GoesOnByteForByteWhereNothingIsChanged) {
  const std::string body =
      "{ \"model\" : \"m\",\n\t\"x\": [0.70, 1e5, 3.14159265358979, "
      "123456789012345678901234567890, "
      "\"\\u00e4\\/\"] }";
  EXPECT_EQ(request(ModelApi::Messages, body).body(), body);
}

TEST(ModelRequest, KeepsNumbersTextsAndOrder) {
  const std::string body =
      R"({"z":[1,-2,0.7,1e-07,9007199254740993,18446744073709551615],"model":"m","a":"ä\u0001"})";
  ModelRequest limited = request(ModelApi::Messages, body);
  limited.limit_output(5);
  EXPECT_EQ(limited.body(), body.substr(0, body.size() - 1) + R"(,"max_tokens":5})");
}

TEST(ModelRequest, CountsWhatItDoesNotHoldAsTheLongestContext) {
  const std::pair<ModelApi, const char*> elsewhere[] = {
      {ModelApi::Responses, R"({"model":"m","previous_response_id":"resp_1"})"},
      {ModelApi::Responses,
       R"({"model":"m","input":[{"content":[{"type":"input_image","image_url":"https://x/y"}]}]})"},
      {ModelApi::ChatCompletions,
       R"({"model":"m","messages":[{"content":[{"image_url":{"url":"https://x/y"}}]}]})"},
      {ModelApi::Messages,
       R"({"model":"m","messages":[{"content":[{"source":{"type":"url","url":"https://x/y"}}]}]})"},
      {ModelApi::Messages,
       R"({"model":"m","messages":[{"content":[{"source":{"type":"file","file_id":"f"}}]}]})"},
      {ModelApi::GenerateContent, R"({"contents":[{"parts":[{"fileData":{"fileUri":"u"}}]}]})"},
      {ModelApi::GenerateContent, R"({"cachedContent":"cachedContents/1"})"},
  };
  for (const auto& [api, body] : elsewhere) {
    EXPECT_GE(request(api, body).facts().input_tokens, ModelRequest::kLongestContext) << body;
  }
}

TEST(ModelRequest, HoldsPicturesOfItsOwnAndWhatToolsAreCalledWith) {
  const std::pair<ModelApi, const char*> own[] = {
      {ModelApi::Responses,
       R"({"model":"m","input":[{"content":[{"image_url":"data:image/png;base64,AA"}]}]})"},
      {ModelApi::Messages,
       R"({"model":"m","messages":[{"content":[{"type":"tool_use","input":{"file_id":"f"}}]}],
           "tools":[{"name":"t","input_schema":{"properties":{"file_id":{"type":"url"}}}}]})"},
      {ModelApi::GenerateContent,
       R"({"contents":[{"parts":[{"functionCall":{"args":{"file_url":"u"}}}]}]})"},
  };
  for (const auto& [api, body] : own) {
    EXPECT_LT(request(api, body).facts().input_tokens, ModelRequest::kLongestContext) << body;
  }
}

TEST(ModelRequest, SaysWhatTokensAloneDoNotPrice) {
  const std::pair<ModelApi, std::pair<const char*, const char*>> unpriced[] = {
      {ModelApi::Messages,
       {R"({"model":"m","tools":[{"name":"a"},{"type":"web_search_20250305"}]})", "web_search"}},
      {ModelApi::Messages, {R"({"model":"m","speed":"fast"})", "speed"}},
      {ModelApi::Messages, {R"({"model":"m","inference_geo":"us"})", "inference"}},
      {ModelApi::Responses, {R"({"model":"m","service_tier":"priority"})", "service tier"}},
      {ModelApi::Responses, {R"({"model":"m","tools":[{"type":"web_search"}]})", "web_search"}},
      {ModelApi::GenerateContent, {R"({"tools":[{"googleSearch":{}}]})", "googleSearch"}},
  };
  for (const auto& [api, expected] : unpriced) {
    EXPECT_THAT(request(api, expected.first).facts().unpriced, HasSubstr(expected.second));
  }
  const std::pair<ModelApi, const char*> priced[] = {
      {ModelApi::Messages,
       R"({"model":"m","service_tier":"auto","tools":[{"type":"custom","name":"a"},
           {"type":"bash_20250124","name":"bash"},{"name":"b","input_schema":{}}]})"},
      {ModelApi::Responses,
       R"({"model":"m","tools":[{"type":"function"},{"type":"local_shell"},{"type":"custom"}]})"},
      {ModelApi::GenerateContent, R"({"tools":[{"functionDeclarations":[]}]})"},
  };
  for (const auto& [api, body] : priced) {
    EXPECT_EQ(request(api, body).facts().unpriced, "") << body;
  }
}

TEST(ModelRequest, WithThinkingNeedsMoreOutputThanItThinks) {
  const ModelRequest thinking = request(
      ModelApi::Messages,
      R"({"model":"m","max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":4000}})");
  EXPECT_GT(thinking.facts().least_output_tokens, 4'000);
}

TEST(ModelRequest, IsLimitedWhereItsApiLooks) {
  const std::tuple<ModelApi, const char*, const char*> limits[] = {
      {ModelApi::Messages, R"({"model":"m","max_tokens":9})", "/max_tokens"},
      {ModelApi::Responses, R"({"model":"m"})", "/max_output_tokens"},
      {ModelApi::ChatCompletions, R"({"model":"m"})", "/max_completion_tokens"},
      {ModelApi::ChatCompletions, R"({"model":"m","max_tokens":9})", "/max_tokens"},
      {ModelApi::GenerateContent, R"({"contents":[]})", "/generationConfig/maxOutputTokens"},
  };
  for (const auto& [api, body, pointer] : limits) {
    ModelRequest limited = request(api, body);
    limited.limit_output(5);
    const Json sent = Json::parse(limited.body());
    EXPECT_EQ(sent.at(Json::json_pointer(pointer)), 5) << limited.body();
    EXPECT_EQ(limited.facts().output_tokens, 5);
  }
}

TEST(ModelRequest, TakesANoteBehindWhatTheModelIsToldLast) {
  const std::tuple<ModelApi, const char*, const char*> notes[] = {
      {ModelApi::Messages,
       R"({"model":"m","messages":[{"role":"user","content":"go"}]})",
       "/messages/0/content"},
      {ModelApi::Messages,
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"tool_result"}]}]})",
       "/messages/0/content/1/text"},
      {ModelApi::Responses, R"({"model":"m","input":"go"})", "/input"},
      {ModelApi::Responses,
       R"({"model":"m","input":[{"type":"function_call_output"}]})",
       "/input/1/content/0/text"},
      {ModelApi::ChatCompletions,
       R"({"model":"m","messages":[{"role":"tool","content":"x"}]})",
       "/messages/1/content"},
      {ModelApi::GenerateContent,
       R"({"contents":[{"role":"user","parts":[{"text":"go"}]}]})",
       "/contents/0/parts/1/text"},
  };
  for (const auto& [api, body, pointer] : notes) {
    ModelRequest noted = request(api, body);
    noted.add_note("come to an end");
    const Json sent = Json::parse(noted.body());
    EXPECT_THAT(sent.at(Json::json_pointer(pointer)).get<std::string>(),
                HasSubstr("come to an end"))
        << noted.body();
  }
  // A prefilled answer, or nothing that it knows: as it was.
  const std::string prefilled = R"({"model":"m","messages":[{"role":"assistant","content":"{"}]})";
  ModelRequest left = request(ModelApi::Messages, prefilled);
  left.add_note("come to an end");
  EXPECT_EQ(left.body(), prefilled);
}

TEST(ModelRequest, AsksAStreamOfChatCompletionsForItsUsage) {
  ModelRequest stream = request(ModelApi::ChatCompletions, R"({"model":"m","stream":true})");
  stream.ask_for_usage();
  EXPECT_EQ(stream.body(),
            R"({"model":"m","stream":true,"stream_options":{"include_usage":true}})");
  ModelRequest whole = request(ModelApi::ChatCompletions, R"({"model":"m"})");
  whole.ask_for_usage();
  EXPECT_EQ(whole.body(), R"({"model":"m"})");
}

}  // namespace
}  // namespace runner
