// The provider as its clients see it: bytes of HTTP in, bytes of HTTP out, in every dialect.

#include "runner/rehearsal/provider.h"

#include <array>
#include <cerrno>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "runner/run/run_state.h"

namespace runner {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Script script_of(const std::string& turns) {
  ReadScript read = read_script(
      "s.yaml", "version: 1\ntasks: {t: {attempts: [{turns: " + turns + "}]}}\n", nullptr);
  EXPECT_TRUE(read.script) << turns;
  return read.script.value_or(Script());
}

struct Reply {
  unsigned status = 0;  // 0: there was no answer
  std::string head;
  std::string body;    // without the marks of chunks
  bool whole = false;  // it came to its end
};

std::string without_chunks(const std::string& text, bool& whole) {
  std::string body;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t line = text.find("\r\n", at);
    const std::size_t size = std::stoul(text.substr(at, line - at), nullptr, 16);
    if (size == 0) {
      whole = true;
      break;
    }
    body += text.substr(line + 2, size);
    at = line + 2 + size + 2;
  }
  return body;
}

Reply reply_of(const std::string& bytes) {
  Reply reply;
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) {
    return reply;
  }
  reply.status = static_cast<unsigned>(std::stoul(bytes.substr(9, 3)));
  reply.head = bytes.substr(0, end + 2);
  const std::string rest = bytes.substr(end + 4);
  if (reply.head.find("Transfer-Encoding: chunked") != std::string::npos) {
    reply.body = without_chunks(rest, reply.whole);
  } else {
    reply.body = rest;
    reply.whole = reply.head.find("Content-Length: " + std::to_string(rest.size()) + "\r\n") !=
                  std::string::npos;
  }
  return reply;
}

class Provider : public testing::Test {
 protected:
  void play(const std::string& turns) {
    provider_ = std::make_unique<ScriptedProvider>(loop_, script_of(turns));
    start_attempt(1, "job-1");
  }

  void start_attempt(std::int64_t number, const std::string& job) {
    AttemptStarted started;
    started.node = dsl::NodeId("t");
    started.attempt = number;
    started.job = JobName(job);
    provider_->on_events(state_, {Event{1, 0, started}});
  }

  /// Everything that comes for these bytes until the provider ends the connection.
  std::string exchange(const std::string& bytes, const std::string& job = "job-1") {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    const Fd client(ends[0]);
    provider_->serve(job, Fd(ends[1]));
    EXPECT_EQ(::send(client.get(), bytes.data(), bytes.size(), 0),
              static_cast<ssize_t>(bytes.size()));
    std::string got;
    std::array<char, 65536> buffer{};
    for (;;) {
      const ssize_t size = recv(client.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size < 0 && errno == EAGAIN) {
        loop_.run_for(dsl::Duration{1'000});
        continue;
      }
      if (size <= 0) {
        return got;
      }
      got.append(buffer.data(), static_cast<std::size_t>(size));
    }
  }

  static std::string post(const std::string& target, const std::string& body) {
    return "POST " + target + " HTTP/1.1\r\nHost: models\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  Reply ask(const std::string& target, const json& body, const std::string& job = "job-1") {
    return reply_of(exchange(post(target, body.dump()), job));
  }

  /// The `data:` of each event.
  static std::vector<json> events(const Reply& reply) {
    std::vector<json> all;
    std::size_t at = 0;
    while ((at = reply.body.find("data: ", at)) != std::string::npos) {
      const std::size_t end = reply.body.find_first_of("\r\n", at);
      const std::string text = reply.body.substr(at + 6, end - at - 6);
      if (text != "[DONE]") {
        all.push_back(json::parse(text));
      }
      at = end;
    }
    return all;
  }

  dsl::Plan plan_;
  RunState state_{plan_, {}};
  EventLoop loop_;
  std::unique_ptr<ScriptedProvider> provider_;
};

constexpr const char* kEverything =
    "[{thinking: Hm., text: I begin., tools: [{name: Bash, input: {command: make}}], "
    "usage: {input: 700, output: 80, thinking: 20, cache_read: 300}}]";

TEST_F(Provider, SpeaksMessages) {
  play(kEverything);
  const Reply reply = ask("/v1/messages?beta=true", {{"model", "claude-x"}, {"stream", true}});
  EXPECT_EQ(reply.status, 200u);
  EXPECT_TRUE(reply.whole);
  EXPECT_THAT(reply.head, HasSubstr("Content-Type: text/event-stream"));
  const auto all = events(reply);
  std::vector<std::string> types;
  for (const json& event : all) {
    types.push_back(event.at("type"));
  }
  EXPECT_THAT(types,
              ElementsAre("message_start",
                          "content_block_start",
                          "content_block_delta",
                          "content_block_delta",
                          "content_block_stop",
                          "content_block_start",
                          "content_block_delta",
                          "content_block_stop",
                          "content_block_start",
                          "content_block_delta",
                          "content_block_stop",
                          "message_delta",
                          "message_stop"));
  EXPECT_EQ(all[0]["message"]["model"], "claude-x");
  EXPECT_EQ(all[0]["message"]["usage"]["input_tokens"], 700);
  EXPECT_EQ(all[0]["message"]["usage"]["cache_read_input_tokens"], 300);
  EXPECT_EQ(all[9]["delta"]["partial_json"], R"({"command":"make"})");
  EXPECT_EQ(all[11]["delta"]["stop_reason"], "tool_use");
  EXPECT_EQ(all[11]["usage"]["output_tokens"], 100);
}

TEST_F(Provider, SpeaksMessagesWithoutAStream) {
  play(kEverything);
  const Reply reply = ask("/v1/messages", {{"model", "claude-x"}});
  const json message = json::parse(reply.body);
  EXPECT_EQ(message["content"][1], json({{"type", "text"}, {"text", "I begin."}}));
  EXPECT_EQ(message["content"][2]["input"]["command"], "make");
  EXPECT_EQ(message["usage"]["output_tokens"], 100);
}

TEST_F(Provider, SpeaksResponses) {
  play(
      "[{thinking: Hm., text: I begin., tools: [{name: shell, input: {cmd: make}}, "
      "{name: apply_patch, input: '*** Begin'}], usage: {input: 700, output: 80, thinking: 20, "
      "cache_read: 300}}]");
  const auto all = events(ask("/v1/responses", {{"model", "gpt-x"}, {"stream", true}}));
  EXPECT_EQ(all.front()["type"], "response.created");
  const json& completed = all.back();
  EXPECT_EQ(completed["type"], "response.completed");
  EXPECT_EQ(completed["response"]["model"], "gpt-x");
  const json& output = completed["response"]["output"];
  ASSERT_EQ(output.size(), 4u);
  EXPECT_EQ(output[0]["summary"][0]["text"], "Hm.");
  EXPECT_EQ(output[1]["content"][0]["text"], "I begin.");
  EXPECT_EQ(output[2]["arguments"], R"({"cmd":"make"})");
  EXPECT_EQ(output[3]["type"], "custom_tool_call");
  EXPECT_EQ(output[3]["input"], "*** Begin");
  const json& usage = completed["response"]["usage"];
  EXPECT_EQ(usage["input_tokens"], 1000);
  EXPECT_EQ(usage["input_tokens_details"]["cached_tokens"], 300);
  EXPECT_EQ(usage["output_tokens"], 100);
  EXPECT_EQ(usage["output_tokens_details"]["reasoning_tokens"], 20);
}

TEST_F(Provider, SpeaksChatAndTellsItsUsageWhenAsked) {
  play("[{text: one, tools: [{name: f, input: {a: 1}}], times: 3}]");
  const json streamed = {{"model", "m"}, {"stream", true}};
  EXPECT_EQ(events(ask("/v1/chat/completions", streamed)).back().contains("usage"), false);
  json asked = streamed;
  asked["stream_options"] = {{"include_usage", true}};
  const auto all = events(ask("/v1/chat/completions", asked));
  EXPECT_EQ(all[1]["choices"][0]["delta"]["content"], "one");
  EXPECT_EQ(all[2]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"], R"({"a":1})");
  EXPECT_EQ(all[3]["choices"][0]["finish_reason"], "tool_calls");
  EXPECT_EQ(all.back()["usage"]["total_tokens"], 1100);
  const json whole = json::parse(ask("/v1/chat/completions", {{"model", "m"}}).body);
  EXPECT_EQ(whole["choices"][0]["message"]["content"], "one");
  EXPECT_EQ(whole["usage"]["prompt_tokens"], 1000);
}

TEST_F(Provider, SpeaksGeneratedContent) {
  play(
      "[{thinking: Hm., text: I begin., tools: [{name: run, input: {command: make}}], times: 3, "
      "usage: {input: 700, output: 80, thinking: 20, cache_read: 300}}]");
  const std::string model = "/v1beta/models/gemini-x:";
  const auto all = events(ask(model + "streamGenerateContent?alt=sse", {{"contents", "x"}}));
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]["candidates"][0]["content"]["parts"][0]["thought"], true);
  EXPECT_EQ(all[2]["candidates"][0]["content"]["parts"][0]["functionCall"]["name"], "run");
  EXPECT_EQ(all[3]["candidates"][0]["finishReason"], "STOP");
  EXPECT_EQ(all[3]["modelVersion"], "gemini-x");
  EXPECT_EQ(all[3]["usageMetadata"]["promptTokenCount"], 1000);
  EXPECT_EQ(all[3]["usageMetadata"]["thoughtsTokenCount"], 20);
  EXPECT_EQ(all[3]["usageMetadata"]["totalTokenCount"], 1100);
  const json array = json::parse(ask(model + "streamGenerateContent", {{"contents", "x"}}).body);
  EXPECT_EQ(array.size(), 4u);
  const json whole = json::parse(ask(model + "generateContent", {{"contents", "x"}}).body);
  EXPECT_EQ(whole["candidates"][0]["content"]["parts"].size(), 3u);
}

TEST_F(Provider, TellsErrorsAsEachDialectDoes) {
  play("[{error: {status: 429, message: later, retry_after: 30s, resets_after: 2h}, times: 3}]");
  const Reply anthropic = ask("/v1/messages", {{"model", "m"}});
  EXPECT_EQ(anthropic.status, 429u);
  EXPECT_THAT(anthropic.head, HasSubstr("Retry-After: 30\r\n"));
  EXPECT_THAT(anthropic.head, HasSubstr("anthropic-ratelimit-unified-status: rejected"));
  EXPECT_EQ(json::parse(anthropic.body)["error"],
            json({{"type", "rate_limit_error"}, {"message", "later"}}));
  const json openai = json::parse(ask("/v1/responses", {{"model", "m"}}).body);
  EXPECT_EQ(openai["error"]["resets_in_seconds"], 7200);
  const json gemini =
      json::parse(ask("/v1beta/models/m:generateContent", {{"contents", "x"}}).body);
  EXPECT_EQ(gemini["error"]["status"], "RESOURCE_EXHAUSTED");
  EXPECT_EQ(gemini["error"]["details"][0]["retryDelay"], "30s");
  EXPECT_THAT(provider_->bills(), IsEmpty());
}

TEST_F(Provider, CutsWhereTheScriptSays) {
  play(
      "[{text: x, cut: unanswered}, {text: x, cut: begun, usage: {input: 7, output: 9}}, "
      "{text: x, cut: unfinished, usage: {input: 7, output: 9}}]");
  const json body = {{"model", "m"}, {"stream", true}};
  EXPECT_EQ(ask("/v1/messages", body).status, 0u);
  const Reply begun = ask("/v1/messages", body);
  EXPECT_EQ(events(begun).size(), 1u);
  EXPECT_FALSE(begun.whole);
  const Reply unfinished = ask("/v1/messages", body);
  EXPECT_EQ(events(unfinished).back()["type"], "content_block_stop");
  EXPECT_FALSE(unfinished.whole);
  ASSERT_EQ(provider_->bills().size(), 2u);
  EXPECT_EQ(provider_->bills()[0].usage.output, 0);
  EXPECT_EQ(provider_->bills()[0].usage.input, 7);
  EXPECT_EQ(provider_->bills()[1].usage.output, 9);
}

TEST_F(Provider, WaitsBeforeItAnswers) {
  play("[{text: late, delay: 300ms}]");
  const std::int64_t began = loop_.monotonic_ms();
  EXPECT_EQ(ask("/v1/messages", {{"model", "m"}}).status, 200u);
  EXPECT_GE(loop_.monotonic_ms() - began, 300);
}

TEST_F(Provider, AnswersEachAttemptWithItsOwnTurnsAndSaysWhereTheScriptEnds) {
  ReadScript read =
      read_script("s.yaml",
                  "version: 1\n"
                  "tasks:\n"
                  "  t:\n"
                  "    attempts:\n"
                  "      - turns: [{text: first}]\n"
                  "      - turns: [{text: second, expects: 'the \"box\"'}, {text: b}]\n",
                  nullptr);
  provider_ = std::make_unique<ScriptedProvider>(loop_, *std::move(read.script));
  start_attempt(1, "job-1");
  EXPECT_THAT(ask("/v1/messages", {{"model", "m"}}).body, HasSubstr("first"));
  EXPECT_THAT(provider_->differences(), IsEmpty());
  const Reply more = ask("/v1/messages", {{"model", "m"}});
  EXPECT_EQ(more.status, 400u);
  EXPECT_THAT(more.body, HasSubstr("rehearsal: s.yaml:5:17: this is the last turn of attempt 1"));

  start_attempt(2, "job-2");
  EXPECT_THAT(ask("/v1/messages", {{"model", "m"}}, "job-2").body,
              HasSubstr("the request does not have"));
  EXPECT_THAT(
      ask("/v1/messages", {{"model", "m"}, {"system", "not met: the \"box\""}}, "job-2").body,
      HasSubstr("second"));

  start_attempt(3, "job-3");
  EXPECT_THAT(ask("/v1/messages", {{"model", "m"}}, "job-3").body,
              HasSubstr("the script has 2 attempts of 't', and this is number 3"));
  EXPECT_THAT(ask("/v1/messages", {{"model", "m"}}, "a-criterion").body,
              HasSubstr("only an attempt of a task has models"));
  EXPECT_THAT(
      provider_->differences(),
      testing::Contains("s.yaml:6:55: the last turn of attempt 2 of 't' was not asked for"));
  std::vector<std::int64_t> billed;
  for (const ScriptedBill& bill : provider_->bills()) {
    billed.push_back(bill.attempt);
  }
  EXPECT_THAT(billed, ElementsAre(1, 2));
}

TEST_F(Provider, IsNoDearerForWhatIsFree) {
  play("[{text: x}]");
  EXPECT_EQ(reply_of(exchange("HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).status,
            200u);
  EXPECT_EQ(reply_of(exchange("GET /v1/responses HTTP/1.1\r\nHost: a\r\nConnection: close, "
                              "Upgrade\r\nUpgrade: websocket\r\n\r\n"))
                .status,
            426u);
  const Reply count = ask("/v1/messages/count_tokens", {{"model", "m"}});
  EXPECT_GT(json::parse(count.body)["input_tokens"], 0);
  EXPECT_GT(json::parse(ask("/v1/responses/input_tokens", {{"model", "m"}}).body)["input_tokens"],
            0);
  EXPECT_GT(json::parse(ask("/v1beta/models/m:countTokens", json::object()).body)["totalTokens"],
            0);
  EXPECT_EQ(ask("/v1/nothing", json::object()).status, 404u);
  EXPECT_EQ(reply_of(exchange("nonsense\r\n\r\n")).status, 400u);
  EXPECT_EQ(reply_of(exchange(post("/v1/messages", "{"))).status, 400u);
  EXPECT_THAT(provider_->bills(), IsEmpty());
}

TEST_F(Provider, CountsAtLeastWhatTheNextTurnBills) {
  play("[{text: x, usage: {input: 5k, cache_read: 2k, cache_write: 1k}}, {text: y}]");
  const auto count = [this](const std::string& text) {
    const Reply reply =
        ask("/v1/messages/count_tokens", {{"model", "m"}, {"messages", json::array({text})}});
    return json::parse(reply.body)["input_tokens"].get<int>();
  };
  EXPECT_EQ(count("short"), 8'000);
  EXPECT_GT(count(std::string(80'000, 'x')), 20'000) << "four bytes are a token";
  ask("/v1/messages", {{"model", "m"}});
  EXPECT_EQ(count("short"), 1'000) << "of the second turn";
}

// What the gateway takes for no call of a model, a rehearsal does not answer either.
TEST_F(Provider, AnswersTheCallsThatAGatewayLetsPass) {
  play("[{text: x, times: 9}]");
  const auto status = [this](const char* target) { return ask(target, {{"model", "m"}}).status; };
  EXPECT_EQ(status("/v1/responses/input_tokens"), 200u);
  EXPECT_EQ(status("/v1beta/models/m:countTokens"), 200u);
  EXPECT_EQ(status("/of-a-proxy/v1/messages"), 200u);
  EXPECT_EQ(status("/v1/threads/t/messages"), 404u);
  EXPECT_EQ(status("/v1/responses/r/input_items/responses"), 404u);
  EXPECT_EQ(status("/v1beta/tunedModels/m:generateContent"), 404u);
  EXPECT_EQ(status("/v1beta/models/m:batchGenerateContent"), 404u);
  EXPECT_EQ(provider_->bills().size(), 1u);
}

TEST_F(Provider, TellsThatTlsCannotBePlayed) {
  play("[{text: x}]");
  exchange(std::string("\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03 hello, more", 22));
  EXPECT_THAT(provider_->differences(),
              testing::Contains(HasSubstr("'t' speaks TLS with its model")));
  EXPECT_EQ(ask("/v1/messages", {{"model", "m"}}).status, 200u);
  EXPECT_THAT(provider_->differences(), IsEmpty());  // it only reports home
}

// A client may send the next request before it has the answer, and keeps its connection.
TEST_F(Provider, AnswersOneRequestAfterTheOther) {
  play("[{text: one}, {text: two}]");
  const std::string body = R"({"model":"m"})";
  std::string first = post("/v1/messages", body);
  first.erase(first.find("Connection: close\r\n"), 19);
  const std::string both = exchange(first + post("/v1/messages", body));
  EXPECT_LT(both.find("\"one\""), both.find("\"two\""));
  EXPECT_NE(both.find("\"two\""), std::string::npos);
}

}  // namespace
}  // namespace runner
