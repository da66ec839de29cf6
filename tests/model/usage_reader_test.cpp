#include "runner/model/usage_reader.h"

#include <zlib.h>

#include <gtest/gtest.h>

namespace runner {
namespace {

constexpr const char* kStream = "text/event-stream; charset=utf-8";
constexpr const char* kJson = "application/json";

struct Answer {
  ModelApi api;
  const char* type;
  std::string body;
  Usage usage;
};

Usage usage(std::int64_t input,
            std::int64_t read,
            std::int64_t write,
            std::int64_t longer,
            std::int64_t output) {
  return {input, read, write, longer, output};
}

/// As the providers write them, shortened.
std::vector<Answer> answers() {
  return {
      {ModelApi::Messages,
       kStream,
       R"(event: message_start
data: {"type":"message_start","message":{"model":"m","usage":{"input_tokens":12,"cache_read_input_tokens":500,"cache_creation_input_tokens":70,"cache_creation":{"ephemeral_5m_input_tokens":30,"ephemeral_1h_input_tokens":40},"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"the \"usage\" of words"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":99}}

event: message_stop
data: {"type":"message_stop"}

)",
       usage(12, 500, 30, 40, 99)},
      {ModelApi::Messages,
       kJson,
       R"({"type":"message","stop_reason":"tool_use","usage":{"input_tokens":3,"cache_creation_input_tokens":5,"output_tokens":7}})",
       usage(3, 0, 5, 0, 7)},
      {ModelApi::Responses,
       kStream,
       "event: response.created\ndata: {\"response\":{\"usage\":null}}\n\n"
       "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"usage\":"
       "{\"input_tokens\":100,\"input_tokens_details\":{\"cached_tokens\":60},\"output_tokens\":20,"
       "\"output_tokens_details\":{\"reasoning_tokens\":15},\"total_tokens\":120}}}\n\n",
       usage(40, 60, 0, 0, 20)},
      {ModelApi::Responses,
       kJson,
       R"({"object":"response","usage":{"input_tokens":8,"output_tokens":2}})",
       usage(8, 0, 0, 0, 2)},
      {ModelApi::ChatCompletions,
       kStream,
       "data: "
       "{\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{}}],\"usage\":null}\n\n"
       "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"finish_reason\":\"stop\"}]}\n\n"
       "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,"
       "\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens\":6}}\n\n"
       "data: [DONE]\n\n",
       usage(6, 4, 0, 0, 6)},
      {ModelApi::ChatCompletions,
       kJson,
       R"({"object":"chat.completion","choices":[{}],"usage":{"prompt_tokens":10,"completion_tokens":6}})",
       usage(10, 0, 0, 0, 6)},
      {ModelApi::GenerateContent,
       kStream,
       "data: {\"candidates\":[{}],\"usageMetadata\":{\"promptTokenCount\":50,"
       "\"candidatesTokenCount\":1}}\r\n\r\n"
       "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{"
       "\"promptTokenCount\":50,\"cachedContentTokenCount\":20,\"candidatesTokenCount\":9,"
       "\"thoughtsTokenCount\":5}}\r\n\r\n",
       usage(30, 20, 0, 0, 14)},
      {ModelApi::GenerateContent,
       kJson,
       "[{\"usageMetadata\":{\"promptTokenCount\":5}},\n{\"candidates\":[{\"finishReason\":"
       "\"STOP\"}"
       "],\"usageMetadata\":{\"promptTokenCount\":5,\"candidatesTokenCount\":2}}]",
       usage(5, 0, 0, 0, 2)},
  };
}

std::string packed(const std::string& text, int window) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(text.size() + 200, '\0');
  std::string in = text;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  return out;
}

TEST(UsageReader, ReadsEveryDialectHoweverItIsCut) {
  for (const Answer& answer : answers()) {
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, answer.body.size()}) {
      UsageReader reader(answer.api, answer.type, "");
      for (std::size_t at = 0; at < answer.body.size(); at += step) {
        reader.read(std::string_view(answer.body).substr(at, step));
      }
      reader.finish();
      EXPECT_EQ(reader.usage(), answer.usage) << answer.body;
      EXPECT_TRUE(reader.is_final()) << answer.body;
    }
  }
}

TEST(UsageReader, ReadsCompressedAnswersByteByByte) {
  for (const Answer& answer : answers()) {
    for (const auto& [encoding, window] : {std::pair{"gzip", 31}, std::pair{"deflate", 15}}) {
      UsageReader reader(answer.api, answer.type, encoding);
      for (const char byte : packed(answer.body, window)) {
        reader.read({&byte, 1});
      }
      reader.finish();
      EXPECT_EQ(reader.usage(), answer.usage);
      EXPECT_TRUE(reader.is_final());
    }
  }
}

TEST(UsageReader, OfAStreamThatIsCutIsNotFinal) {
  for (const Answer& answer : answers()) {
    UsageReader reader(answer.api, answer.type, "");
    reader.read(std::string_view(answer.body).substr(0, answer.body.size() / 2));
    reader.finish();
    EXPECT_FALSE(reader.is_final()) << answer.body;
  }
  UsageReader begun(ModelApi::Messages, kStream, "");
  begun.read(std::string_view(answers()[0].body).substr(0, answers()[0].body.size() / 2));
  ASSERT_TRUE(begun.usage());
  EXPECT_EQ(begun.usage()->sent_tokens(), 582) << "what it said of the input counts";
}

// Servers that fill the objects in from the start: whoever hangs up then has not paid with that.
TEST(UsageReader, WhatIsToldAtTheBeginningIsNotFinal) {
  const auto is_final = [](ModelApi api, const char* type, const std::string& body) {
    UsageReader reader(api, type, "");
    reader.read(body);
    reader.finish();
    return reader.is_final();
  };
  const std::string zeros = R"("usage":{"input_tokens":0,"output_tokens":0})";
  for (const char* const event : {"created", "in_progress"}) {
    EXPECT_FALSE(is_final(ModelApi::Responses,
                          kStream,
                          std::string("data: {\"type\":\"response.") + event +
                              "\",\"response\":{\"status\":\"in_progress\"," + zeros + "}}\n\n"));
  }
  for (const char* const status : {"queued", "in_progress"}) {
    EXPECT_FALSE(is_final(
        ModelApi::Responses,
        kJson,
        std::string("{\"object\":\"response\",\"status\":\"") + status + "\"," + zeros + "}"));
  }
  for (const char* const event : {"completed", "incomplete", "failed"}) {
    EXPECT_TRUE(is_final(ModelApi::Responses,
                         kStream,
                         std::string("data: {\"type\":\"response.") + event + "\",\"response\":{" +
                             zeros + "}}\n\n"));
  }
  EXPECT_FALSE(is_final(
      ModelApi::ChatCompletions,
      kStream,
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,"
      "\"completion_tokens\":0}}\n\n"
      "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"finish_reason\":null}]}\n\n"));
}

TEST(UsageReader, KnowsNothingOfWhatItCannotRead) {
  for (const char* encoding : {"br", "zstd", "gzip, br"}) {
    UsageReader reader(ModelApi::Messages, kJson, encoding);
    reader.read(answers()[1].body);
    reader.finish();
    EXPECT_EQ(reader.usage(), std::nullopt);
    EXPECT_FALSE(reader.is_final());
  }
  UsageReader broken(ModelApi::Messages, kStream, "gzip");
  broken.read("this was never packed");
  broken.read(answers()[0].body);
  broken.finish();
  EXPECT_FALSE(broken.is_final());
}

TEST(UsageReader, AnAnswerWithoutUsageIsUnknown) {
  for (const char* body :
       {"", "{}", R"({"usage":null})", R"({"usage":{}})", R"({"usage":7})", "{\"usage\":", "[]"}) {
    for (const ModelApi api : {ModelApi::Messages,
                               ModelApi::Responses,
                               ModelApi::ChatCompletions,
                               ModelApi::GenerateContent}) {
      UsageReader reader(api, kJson, "");
      reader.read(body);
      reader.finish();
      EXPECT_FALSE(reader.is_final()) << body;
      EXPECT_EQ(reader.usage(), std::nullopt) << body;
    }
  }
}

TEST(UsageReader, PassesOverAByteOrderMark) {
  UsageReader reader(ModelApi::Messages, kStream, "");
  reader.read("\xEF\xBB\xBF" + answers()[0].body);
  reader.finish();
  EXPECT_EQ(reader.usage(), answers()[0].usage);
}

TEST(UsageReader, AStreamThatTellsItsOutputOnlyHasNoUsage) {
  UsageReader reader(ModelApi::Messages, kStream, "");
  reader.read(answers()[0].body.substr(answers()[0].body.find("event: message_delta")));
  reader.finish();
  EXPECT_EQ(reader.usage(), std::nullopt);
}

TEST(UsageReader, AUsageWithoutItsFiguresIsNone) {
  const std::pair<ModelApi, const char*> answers[] = {
      {ModelApi::Responses, R"({"usage":{}})"},
      {ModelApi::Responses, R"({"usage":{"prompt_tokens":90000,"completion_tokens":90000}})"},
      {ModelApi::Responses, R"({"usage":{"input_tokens":-5,"output_tokens":-100}})"},
      {ModelApi::Responses, R"({"usage":{"input_tokens":"90000","output_tokens":"9"}})"},
      {ModelApi::Responses, R"({"usage":{"input_tokens":null,"output_tokens":7}})"},
      {ModelApi::ChatCompletions, R"({"usage":{"prompt_tokens":7}})"},
      {ModelApi::Messages, R"({"stop_reason":"end_turn","usage":{}})"},
      {ModelApi::Messages, R"({"stop_reason":"end_turn","usage":{"input_tokens":3}})"},
      {ModelApi::Messages,
       R"({"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":-1}})"},
      {ModelApi::GenerateContent,
       R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5}})"},
      {ModelApi::GenerateContent,
       R"({"candidates":[{"finishReason":"STOP"}],"usageMetadata":{"totalTokenCount":5}})"},
  };
  for (const auto& [api, body] : answers) {
    UsageReader reader(api, kJson, "");
    reader.read(body);
    reader.finish();
    EXPECT_EQ(reader.usage(), std::nullopt) << body;
    EXPECT_FALSE(reader.is_final()) << body;
  }
}

TEST(UsageReader, WhatGeminiTellsInTheTotalAloneIsOutput) {
  UsageReader reader(ModelApi::GenerateContent, kJson, "");
  reader.read(R"({"candidates":[{"finishReason":"STOP"}],)"
              R"("usageMetadata":{"promptTokenCount":5,"totalTokenCount":12}})");
  reader.finish();
  EXPECT_EQ(reader.usage(), usage(5, 0, 0, 0, 7));
  EXPECT_TRUE(reader.is_final());
}

TEST(UsageReader, StaysSmallWhateverComes) {
  UsageReader reader(ModelApi::Messages, kStream, "");
  const std::string block(1U << 20U, 'x');
  reader.read(answers()[0].body.substr(0, answers()[0].body.find("event: message_delta")));
  reader.read("data: ");
  for (int i = 0; i < 40; ++i) {
    reader.read(block);
  }
  reader.read("\n\nevent: message_delta\n");
  reader.read(answers()[0].body.substr(answers()[0].body.find("data: {\"type\":\"message_delta")));
  reader.finish();
  EXPECT_FALSE(reader.is_final()) << "something was missed";
}

TEST(UsageReader, AGigabyteOfNothingIsNoMoreThanItsBytes) {
  UsageReader bomb(ModelApi::Messages, kJson, "gzip");
  const std::string packed_once = packed(std::string(64U << 20U, ' '), 31);
  for (int i = 0; i < 16; ++i) {
    bomb.read(packed_once);
  }
  bomb.finish();
  EXPECT_FALSE(bomb.is_final());
}

}  // namespace
}  // namespace runner
