#include "runner/rehearsal/answer.h"

#include <array>
#include <string_view>

#include "runner/rehearsal/answer_json.h"

namespace runner {
namespace {

/// How the dialects call an HTTP status.
struct StatusWords {
  std::int64_t status;
  std::string_view anthropic;
  std::string_view openai;
  std::string_view gemini;
  std::string_view message;
};
constexpr std::array kStatusWords = {
    StatusWords{400,
                "invalid_request_error",
                "invalid_request_error",
                "INVALID_ARGUMENT",
                "the request is not valid"},
    StatusWords{401,
                "authentication_error",
                "invalid_request_error",
                "UNAUTHENTICATED",
                "the key is not valid"},
    StatusWords{403,
                "permission_error",
                "permission_error",
                "PERMISSION_DENIED",
                "the key may not use this model"},
    StatusWords{404, "not_found_error", "invalid_request_error", "NOT_FOUND", "no such model"},
    StatusWords{
        429, "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED", "too many requests"},
    StatusWords{503, "api_error", "server_error", "UNAVAILABLE", "the service is not available"},
    StatusWords{529, "overloaded_error", "server_error", "UNAVAILABLE", "overloaded"},
    StatusWords{500, "api_error", "server_error", "INTERNAL", "an error of the provider"},
};

const StatusWords& words_of(std::int64_t status) {
  for (const StatusWords& words : kStatusWords) {
    if (words.status == status) {
      return words;
    }
  }
  return status < 500 ? kStatusWords.front() : kStatusWords.back();
}

std::int64_t seconds_of(const dsl::Duration& duration) {
  return (duration.ms + 999) / 1000;
}

OrderedJson error_body(const ScriptError& error, Dialect dialect, std::int64_t now_s) {
  const StatusWords& words = words_of(error.status);
  const std::string message = error.message.empty() ? std::string(words.message) : error.message;
  switch (dialect) {
    case Dialect::Anthropic:
      return {{"type", "error"}, {"error", {{"type", words.anthropic}, {"message", message}}}};
    case Dialect::Responses:
    case Dialect::Chat: {
      OrderedJson inner = {
          {"message", message}, {"type", words.openai}, {"param", nullptr}, {"code", nullptr}};
      if (error.resets_after) {
        inner["type"] = "usage_limit_reached";
        inner["resets_at"] = now_s + seconds_of(*error.resets_after);
        inner["resets_in_seconds"] = seconds_of(*error.resets_after);
      }
      return {{"error", inner}};
    }
    case Dialect::Gemini:
      break;
  }
  OrderedJson inner = {{"code", error.status}, {"message", message}, {"status", words.gemini}};
  const auto& wait = error.retry_after ? error.retry_after : error.resets_after;
  if (wait) {
    inner["details"] =
        OrderedJson::array({OrderedJson{{"@type", "type.googleapis.com/google.rpc.RetryInfo"},
                                        {"retryDelay", std::to_string(seconds_of(*wait)) + "s"}}});
  }
  return {{"error", inner}};
}

Answer error_answer(const ScriptError& error, Dialect dialect, std::int64_t now_s) {
  Answer answer = whole_answer(error_body(error, dialect, now_s));
  answer.status = static_cast<unsigned>(error.status);
  if (error.retry_after) {
    answer.fields.emplace_back("Retry-After", std::to_string(seconds_of(*error.retry_after)));
  }
  if (error.resets_after && dialect == Dialect::Anthropic) {
    answer.fields.emplace_back("anthropic-ratelimit-unified-status", "rejected");
    answer.fields.emplace_back("anthropic-ratelimit-unified-reset",
                               std::to_string(now_s + seconds_of(*error.resets_after)));
  }
  return answer;
}

}  // namespace

Answer answer_of(const ScriptTurn& turn,
                 const ProviderRequest& request,
                 std::int64_t number,
                 std::int64_t now_s) {
  if (turn.error) {
    return error_answer(*turn.error, request.dialect, now_s);
  }
  switch (request.dialect) {
    case Dialect::Anthropic:
      return anthropic_answer(turn, request, number);
    case Dialect::Responses:
      return responses_answer(turn, request, number, now_s);
    case Dialect::Chat:
      return chat_answer(turn, request, number, now_s);
    case Dialect::Gemini:
      break;
  }
  return gemini_answer(turn, request, number);
}

Answer refusal(const ProviderRequest& request, unsigned status, const std::string& message) {
  ScriptError error;
  error.status = status;
  error.message = message;
  return error_answer(error, request.dialect, 0);
}

Answer token_count(const ProviderRequest& request, std::int64_t tokens) {
  const char* const name = request.dialect == Dialect::Gemini ? "totalTokens" : "input_tokens";
  return whole_answer(OrderedJson{{name, tokens}});
}

}  // namespace runner
