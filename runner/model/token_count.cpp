#include "runner/model/token_count.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

#include "dsl/token_prices.h"
#include "runner/model/json_members.h"

namespace runner {

namespace {

using Json = nlohmann::ordered_json;

// OpenAI calls its count exact; Anthropic calls its own an estimate, which "may differ by a small
// amount", and nobody says by how much. A twentieth is taken for small, which is more than a
// tokenizer can be off that is the model's own, and the overhead of any request beside it, for what
// does not grow with it: what a provider adds, and our note of how far a budget is used up.
constexpr std::int64_t kUncertainOneOf = 20;

/// What the endpoints take of a request, and is part of what a model reads. What is left out is
/// counted by its bytes, so a key that nobody here knows is not free.
bool is_counted_key(ModelApi api, std::string_view key) {
  static constexpr std::array<std::string_view, 8> kMessages{"model",
                                                             "messages",
                                                             "system",
                                                             "tools",
                                                             "tool_choice",
                                                             "thinking",
                                                             "output_config",
                                                             "output_format"};
  static constexpr std::array<std::string_view, 8> kResponses{"model",
                                                              "input",
                                                              "instructions",
                                                              "tools",
                                                              "tool_choice",
                                                              "parallel_tool_calls",
                                                              "reasoning",
                                                              "text"};
  static constexpr std::array<std::string_view, 4> kGenerateContent{
      "contents", "systemInstruction", "tools", "toolConfig"};
  const auto has = [key](const auto& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  switch (api) {
    case ModelApi::Messages:
      return has(kMessages);
    case ModelApi::Responses:
      return has(kResponses);
    case ModelApi::GenerateContent:
      return has(kGenerateContent);
    case ModelApi::ChatCompletions:
      break;
  }
  return false;
}

/// "?beta=true", and what else stands there; without that an answer is to be a stream.
std::string query_of(std::string_view target) {
  const std::size_t mark = target.find('?');
  std::string kept;
  for (std::size_t at = mark; at != std::string_view::npos && at < target.size();) {
    const std::size_t end = std::min(target.find('&', at + 1), target.size());
    const std::string_view one = target.substr(at + 1, end - at - 1);
    if (one != "alt=sse") {
      kept += kept.empty() ? "?" : "&";
      kept += one;
    }
    at = end;
  }
  return kept;
}

std::string path_of_count(const ModelCall& call, std::string_view target) {
  if (call.api == ModelApi::Messages) {
    return "/v1/messages/count_tokens";
  }
  if (call.api == ModelApi::Responses) {
    return "/v1/responses/input_tokens";
  }
  return std::string(target.substr(0, target.find(':'))) + ":countTokens";
}

}  // namespace

bool is_countable(ModelApi api, const ModelRequestFacts& facts) {
  return api != ModelApi::ChatCompletions && !facts.is_elsewhere &&
         facts.input_tokens > 2 * ModelRequest::kOverhead;
}

CountRequest count_request(const ModelCall& call,
                           std::string_view target,
                           const ModelRequest& request) {
  CountRequest question;
  question.target = path_of_count(call, target) + query_of(target);
  const Json sent = Json::parse(request.body(), nullptr, false);
  Json asked = Json::object();
  if (sent.is_object()) {
    for (const auto& [key, value] : sent.items()) {
      if (is_counted_key(call.api, key)) {
        asked[key] = value;
      } else {
        question.left_out += static_cast<std::int64_t>(key.size() + value.dump().size());
      }
    }
  }
  if (call.api == ModelApi::GenerateContent) {
    asked["model"] = "models/" + call.model;
    asked = Json{{"generateContentRequest", std::move(asked)}};
  }
  question.body = asked.dump();
  return question;
}

std::optional<std::int64_t> read_token_count(ModelApi api, std::string_view body) {
  const Json json = Json::parse(body.begin(), body.end(), nullptr, false);
  const Json* const count =
      find_member(json, api == ModelApi::GenerateContent ? "totalTokens" : "input_tokens");
  if (count == nullptr || !count->is_number_integer()) {
    return std::nullopt;
  }
  const auto tokens = count->get<std::int64_t>();
  return tokens > 0 && tokens <= dsl::kMostTokens ? std::optional(tokens) : std::nullopt;
}

ModelRequestFacts counted(ModelRequestFacts facts, const CountRequest& asked, std::int64_t count) {
  // Thoughts of earlier turns are no part of Anthropic's count, though newer models read them
  // again; of Gemini's nobody says.
  const std::int64_t most = count + count / kUncertainOneOf + ModelRequest::kOverhead +
                            asked.left_out + facts.thought_bytes;
  facts.is_counted = most < facts.input_tokens;
  facts.input_tokens = std::min(most, facts.input_tokens);
  return facts;
}

}  // namespace runner
