#include "runner/model/model_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/json_tree.h"
#include "dsl/token_prices.h"
#include "runner/model/json_fields.h"
#include "runner/model/request_content.h"

namespace runner {

namespace {

using dsl::JsonNode;
using dsl::kMostTokens;

constexpr std::int64_t kUsefulOutput = 256;
constexpr std::int64_t kMostAnswers = 128;
constexpr std::size_t kLongestName = 200;  // bytes

bool each_key_stands_once(JsonNode value) {
  if (value.kind() == JsonNode::Kind::List) {
    return !any_item(value, [](JsonNode item) { return !each_key_stands_once(item); });
  }
  if (value.kind() != JsonNode::Kind::Record) {
    return true;
  }
  std::vector<std::string_view> keys;
  keys.reserve(value.size());
  const bool twice_within = any_field(value, [&keys](std::string_view key, JsonNode inner) {
    keys.push_back(key);
    return !each_key_stands_once(inner);
  });
  std::sort(keys.begin(), keys.end());
  return !twice_within && std::adjacent_find(keys.begin(), keys.end()) == keys.end();
}

std::optional<std::int64_t> number_at(JsonNode record, std::string_view key) {
  using Kind = JsonNode::Kind;
  const auto value = find(record, key);
  if (!value || (value->kind() != Kind::Integer && value->kind() != Kind::LargeInteger &&
                 value->kind() != Kind::Number)) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(
      std::clamp(value->number(), 0.0, static_cast<double>(kMostTokens)));
}

bool is_true_at(JsonNode record, std::string_view key) {
  const auto value = find(record, key);
  return value && value->kind() == JsonNode::Kind::True;
}

bool is_clients_tool(std::string_view type) {
  return type.empty() || type == "function" || type == "custom" || type == "local_shell" ||
         type == "namespace" || type == "tool_search" || type.starts_with("bash_") ||
         type.starts_with("text_editor_") || type.starts_with("computer_") ||
         type.starts_with("memory_");
}

/// A tool that the provider itself runs is billed by use, and what it finds is input that the
/// request does not hold. A client's own are "custom" or "function", and those of Anthropic that a
/// client runs.
std::optional<std::string> served_tool(ModelApi api, JsonNode document) {
  if (api == ModelApi::ChatCompletions && find(document, "web_search_options")) {
    return "web_search";
  }
  const auto tools = find(document, "tools");
  if (!tools) {
    return std::nullopt;
  }
  if (!is_list(*tools)) {
    return "tools";
  }
  std::optional<std::string> served;
  const auto is_served = [&](JsonNode tool) {
    if (!is_record(tool)) {
      served = "tools";
    } else if (api == ModelApi::GenerateContent) {
      any_field(tool, [&](std::string_view key, JsonNode value) {
        if (key != "functionDeclarations" && key != "function_declarations" &&
            value.kind() != JsonNode::Kind::Null) {
          served = key;
        }
        return served.has_value();
      });
    } else if (const std::string_view type = text_at(tool, "type"); !is_clients_tool(type)) {
      served = type;
    }
    return served.has_value();
  };
  any_item(*tools, is_served);
  return served;
}

std::string dearer_message(JsonNode document) {
  if (const std::string speed(text_at(document, "speed")); !speed.empty() && speed != "standard") {
    return "the speed '" + speed + "' has prices of its own";
  }
  if (const std::string where(text_at(document, "inference_geo"));
      !where.empty() && where != "global") {
    return "the place of inference '" + where + "' has prices of its own";
  }
  if (find(document, "mcp_servers")) {
    return "what MCP servers of the provider's answer is not in the request";
  }
  const auto edits = find(document, "context_management", "edits");
  const bool compacts = edits && is_list(*edits) && any_item(*edits, [](JsonNode edit) {
                          return text_at(edit, "type").starts_with("compact");
                        });
  return compacts ? "what the provider compacts is billed beside the answer" : "";
}

/// Asks for more than the list price of tokens.
std::string dearer(ModelApi api, JsonNode document) {
  const bool is_gemini = api == ModelApi::GenerateContent;
  const std::string tier(text_at(document, is_gemini ? "serviceTier" : "service_tier"));
  if (!tier.empty() && tier != "auto" && tier != "default" && tier != "standard" &&
      tier != "standard_only" && tier != "flex") {
    return "the service tier '" + tier + "' has prices of its own";
  }
  if (api == ModelApi::Messages) {
    return dearer_message(document);
  }
  if (api == ModelApi::ChatCompletions && find(document, "prediction")) {
    return "what a prediction has too much is billed as output";
  }
  const auto modes = is_gemini ? find(document, "generationConfig", "responseModalities")
                               : find(document, "modalities");
  const bool is_only_text =
      !modes || (is_list(*modes) && modes->size() == 1 && is_text(modes->first()) &&
                 modes->first().text() == (is_gemini ? "TEXT" : "text"));
  return is_only_text ? "" : "only text has a price here";
}

/// Whole, above 0, and a number: to some servers 0, -1 or "100" mean another limit or none.
std::optional<std::int64_t> counting_number(JsonNode value) {
  if (value.kind() == JsonNode::Kind::LargeInteger) {
    return kMostTokens;
  }
  if (value.kind() != JsonNode::Kind::Integer || value.integer() < 1) {
    return std::nullopt;
  }
  return std::min(value.integer(), kMostTokens);
}

struct OutputLimit {
  std::optional<std::int64_t> tokens;
  std::string problem;
};

OutputLimit output_limit(ModelApi api, JsonNode document) {
  const auto place = api == ModelApi::GenerateContent ? find(document, "generationConfig")
                                                      : std::optional(document);
  OutputLimit limit;
  for (const char* key : output_limit_keys(api)) {
    const auto value = place ? find(*place, key) : std::nullopt;
    if (!value) {
      continue;
    }
    const auto tokens = counting_number(*value);
    if (!tokens) {
      limit.problem = std::string("'") + key +
                      "' is no whole number above 0; leave it out for as much as the model gives";
    }
    limit.tokens = std::max(limit.tokens, tokens);
  }
  return limit;
}

std::int64_t answers_of(ModelApi api, JsonNode document) {
  std::optional<JsonNode> count;
  if (api == ModelApi::ChatCompletions) {
    count = find(document, "n");
  } else if (api == ModelApi::GenerateContent) {
    count = find(document, "generationConfig", "candidateCount");
  }
  return count ? std::min(counting_number(*count).value_or(kMostAnswers), kMostAnswers) : 1;
}

/// Anthropic refuses a limit that is not above the tokens for thinking.
std::int64_t least_output(ModelApi api, JsonNode document) {
  std::int64_t thinking = 0;
  if (const auto asked = find(document, "thinking"); api == ModelApi::Messages && asked) {
    thinking = number_at(*asked, "budget_tokens").value_or(0);
  }
  return thinking + kUsefulOutput;
}

bool has_underscore(JsonNode record) {
  return is_record(record) && any_field(record, [](std::string_view key, JsonNode) {
           return key.find('_') != std::string_view::npos;
         });
}

/// A second spelling of a key that Google's servers take too: we know the first only.
bool has_snake_case(JsonNode document) {
  const auto config = find(document, "generationConfig");
  return has_underscore(document) || (config && has_underscore(*config));
}

}  // namespace

dsl::Result<ModelRequest> ModelRequest::read(const ModelCall& call, std::string body) {
  auto tree = dsl::JsonTree::parse(body, kDeepest, "the request");
  if (!tree) {
    return tree.error();
  }
  if (!each_key_stands_once(tree->root())) {
    body = with_each_key_once(body);
    tree = dsl::JsonTree::parse(body, kDeepest, "the request");
    if (!tree) {
      return tree.error();
    }
  }
  const JsonNode json = tree->root();
  if (json.kind() != JsonNode::Kind::Record) {
    return dsl::Error{"the request is no JSON object", ""};
  }
  if (call.api == ModelApi::GenerateContent && has_snake_case(json)) {
    return dsl::Error{"the request has keys in snake_case, write them in camelCase", ""};
  }
  if (call.api == ModelApi::Responses && is_true_at(json, "background")) {
    return dsl::Error{"work in the background is not metered, as its answer comes another way", ""};
  }
  ModelRequestFacts facts;
  facts.model =
      call.api == ModelApi::GenerateContent ? call.model : std::string(text_at(json, "model"));
  if (facts.model.empty()) {
    return dsl::Error{"the request names no model", ""};
  }
  if (facts.model.size() > kLongestName) {
    return dsl::Error{"the name of the request's model is too long", ""};
  }
  facts.streamed =
      call.api == ModelApi::GenerateContent ? call.streamed : is_true_at(json, "stream");
  const RequestContent content = content_of(call.api, json);
  facts.input_tokens = static_cast<std::int64_t>(body.size()) - content.picture_bytes +
                       content.pictures * most_of_picture(call.api) + kOverhead +
                       (content.is_elsewhere ? kLongestContext : 0);
  facts.is_elsewhere = content.is_elsewhere;
  facts.thought_bytes = content.thought_bytes;
  facts.cache_writes = content.cache_writes;
  const OutputLimit limit = output_limit(call.api, json);
  if (!limit.problem.empty()) {
    return dsl::Error{limit.problem, ""};
  }
  facts.output_tokens = limit.tokens;
  facts.answers = answers_of(call.api, json);
  facts.least_output_tokens = least_output(call.api, json);
  if (const auto tool = served_tool(call.api, json)) {
    facts.unpriced = "the provider's tool '" + *tool + "' is billed by use";
  } else {
    facts.unpriced = content.unpriced.empty() ? dearer(call.api, json) : content.unpriced;
  }
  const bool says_tier =
      any_field(json, [](std::string_view key, JsonNode) { return key == "service_tier"; });
  ModelRequest request(call.api, std::move(body), std::move(facts));
  request.says_tier_ = says_tier;
  return request;
}

}  // namespace runner
