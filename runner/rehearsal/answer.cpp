#include "runner/rehearsal/answer.h"

#include <string_view>

#include "runner/rehearsal/answer_json.h"

namespace runner {
namespace {

/// For a script that gives none.
std::string_view usual_message(std::int64_t status) {
  switch (status) {
    case 400:
      return "the request is not valid";
    case 401:
      return "the key is not valid";
    case 403:
      return "the key may not use this model";
    case 404:
      return "no such model";
    case 429:
      return "too many requests";
    case 503:
      return "the service is not available";
    case 529:
      return "overloaded";
    default:
      return status < 500 ? "the request is not valid" : "an error of the provider";
  }
}

std::int64_t seconds_of(const dsl::Duration& duration) {
  return (duration.ms + 999) / 1000;
}

OrderedJson error_body(const ScriptError& error, ModelApi api, std::int64_t now_s) {
  const std::string_view message =
      error.message.empty() ? usual_message(error.status) : std::string_view(error.message);
  const dsl::ModelDialect dialect = dialect_of(api);
  OrderedJson body =
      OrderedJson::parse(model_error(dialect, static_cast<int>(error.status), message));
  OrderedJson& inner = body["error"];
  const auto& wait = error.retry_after ? error.retry_after : error.resets_after;
  if (dialect == dsl::ModelDialect::OpenAi && error.resets_after) {
    inner["type"] = "usage_limit_reached";
    inner["resets_at"] = now_s + seconds_of(*error.resets_after);
    inner["resets_in_seconds"] = seconds_of(*error.resets_after);
  } else if (dialect == dsl::ModelDialect::Gemini && wait) {
    inner["details"] =
        OrderedJson::array({OrderedJson{{"@type", "type.googleapis.com/google.rpc.RetryInfo"},
                                        {"retryDelay", std::to_string(seconds_of(*wait)) + "s"}}});
    if (error.resets_after) {
      inner["details"].push_back(OrderedJson{
          {"@type", "type.googleapis.com/google.rpc.QuotaFailure"},
          {"violations",
           OrderedJson::array({OrderedJson{{"quotaId", "GenerateRequestsPerDayPerProject"}}})}});
    }
  }
  return body;
}

Answer error_answer(const ScriptError& error, ModelApi api, std::int64_t now_s) {
  Answer answer = whole_answer(error_body(error, api, now_s));
  answer.status = static_cast<unsigned>(error.status);
  if (error.retry_after) {
    answer.fields.emplace_back("Retry-After", std::to_string(seconds_of(*error.retry_after)));
  }
  if (error.resets_after && api == ModelApi::Messages) {
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
    return error_answer(*turn.error, request.api, now_s);
  }
  switch (request.api) {
    case ModelApi::Messages:
      return anthropic_answer(turn, request, number);
    case ModelApi::Responses:
      return responses_answer(turn, request, number, now_s);
    case ModelApi::ChatCompletions:
      return chat_answer(turn, request, number, now_s);
    case ModelApi::GenerateContent:
      break;
  }
  return gemini_answer(turn, request, number);
}

Answer refusal(const ProviderRequest& request, unsigned status, const std::string& message) {
  ScriptError error;
  error.status = status;
  error.message = message;
  return error_answer(error, request.api, 0);
}

Answer token_count(const ProviderRequest& request, std::int64_t tokens) {
  const char* const name =
      request.api == ModelApi::GenerateContent ? "totalTokens" : "input_tokens";
  return whole_answer(OrderedJson{{name, tokens}});
}

}  // namespace runner
