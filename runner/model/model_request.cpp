#include "runner/model/model_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dsl/json_tree.h"

namespace runner {

namespace {

using dsl::JsonNode;

constexpr std::int64_t kOverhead = 2'000;  // tokens that a provider adds: tools, formats, roles
constexpr std::int64_t kMostTokens = 100'000'000;
constexpr std::int64_t kUsefulOutput = 256;
constexpr int kMostAnswers = 128;
constexpr std::size_t kLongestName = 200;  // bytes

/// Calls `see` with each key and value of a record, until it answers true; whether it did.
template <class See>
bool any_field(JsonNode record, See see) {
  for (JsonNode key = record.first(); key != record.end();) {
    const JsonNode value = key.behind();
    if (see(key.text(), value)) {
      return true;
    }
    key = value.behind();
  }
  return false;
}

template <class Is>
bool any_item(JsonNode list, Is is) {
  for (JsonNode item = list.first(); item != list.end(); item = item.behind()) {
    if (is(item)) {
      return true;
    }
  }
  return false;
}

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

std::optional<JsonNode> find(JsonNode record, std::string_view key) {
  std::optional<JsonNode> found;
  if (record.kind() == JsonNode::Kind::Record) {
    any_field(record, [&](std::string_view name, JsonNode value) {
      if (name == key && value.kind() != JsonNode::Kind::Null) {
        found = value;
      }
      return name == key;
    });
  }
  return found;
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

bool is_text(const std::optional<JsonNode>& value) {
  return value && value->kind() == JsonNode::Kind::Text;
}

std::string text_at(JsonNode record, std::string_view key) {
  const auto value = find(record, key);
  return is_text(value) ? std::string(value->text()) : "";
}

bool is_true_at(JsonNode record, std::string_view key) {
  const auto value = find(record, key);
  return value && value->kind() == JsonNode::Kind::True;
}

/// What a tool is given, answers or may be given: any JSON, in which no key means anything.
bool is_of_a_tool(JsonNode record, std::string_view key) {
  static constexpr std::array<std::string_view, 6> kKeys = {
      "input_schema", "parameters", "parametersJsonSchema", "args", "response", "arguments"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end() ||
         (key == "input" && text_at(record, "type") == "tool_use");
}

/// Content that the request does not hold. A picture may stand in it, as a "data:" address.
bool is_elsewhere(JsonNode record, std::string_view key, JsonNode value) {
  if (key == "image_url") {
    const auto address = value.kind() == JsonNode::Kind::Record ? find(value, "url") : value;
    return is_text(address) && !address->text().starts_with("data:");
  }
  return key == "file_id" || key == "file_url" || key == "fileData" || key == "cachedContent" ||
         (key == "url" && text_at(record, "type") == "url");
}

bool names_elsewhere(JsonNode value) {
  if (value.kind() == JsonNode::Kind::List) {
    return any_item(value, names_elsewhere);
  }
  return value.kind() == JsonNode::Kind::Record &&
         any_field(value, [value](std::string_view key, JsonNode inner) {
           return inner.kind() != JsonNode::Kind::Null && !is_of_a_tool(value, key) &&
                  (is_elsewhere(value, key, inner) || names_elsewhere(inner));
         });
}

/// A tool that the provider itself runs is billed by use, and what it finds is input that the
/// request does not hold. A client's own are "custom" or "function", and those of Anthropic that a
/// client runs.
std::string served_tool(ModelApi api, JsonNode document) {
  const auto tools = find(document, "tools");
  if (!tools || tools->kind() != JsonNode::Kind::List) {
    return "";
  }
  for (JsonNode tool = tools->first(); tool != tools->end(); tool = tool.behind()) {
    if (api == ModelApi::GenerateContent) {
      for (const char* served : {"googleSearch",
                                 "google_search",
                                 "googleSearchRetrieval",
                                 "google_search_retrieval",
                                 "urlContext",
                                 "url_context",
                                 "codeExecution",
                                 "code_execution",
                                 "googleMaps",
                                 "google_maps",
                                 "fileSearch",
                                 "file_search",
                                 "computerUse",
                                 "computer_use"}) {
        if (find(tool, served)) {
          return served;
        }
      }
      continue;
    }
    const std::string type = text_at(tool, "type");
    const bool clients = type.empty() || type == "function" || type == "custom" ||
                         type == "local_shell" || type == "namespace" || type == "tool_search" ||
                         type.starts_with("bash_") || type.starts_with("text_editor_") ||
                         type.starts_with("computer_") || type.starts_with("memory_");
    if (!clients) {
      return type;
    }
  }
  return "";
}

/// Asks for more than the list price of tokens.
std::string dearer(ModelApi api, JsonNode document) {
  const std::string tier = text_at(document, "service_tier");
  if (!tier.empty() && tier != "auto" && tier != "default" && tier != "standard_only" &&
      tier != "flex") {
    return "the service tier '" + tier + "' has prices of its own";
  }
  if (api == ModelApi::Messages) {
    if (const std::string speed = text_at(document, "speed");
        !speed.empty() && speed != "standard") {
      return "the speed '" + speed + "' has prices of its own";
    }
    if (const std::string where = text_at(document, "inference_geo");
        !where.empty() && where != "global") {
      return "the place of inference '" + where + "' has prices of its own";
    }
    if (find(document, "mcp_servers")) {
      return "what MCP servers of the provider's answer is not in the request";
    }
  }
  const auto modes = find(document, "modalities");
  const bool is_only_text = modes && modes->kind() == JsonNode::Kind::List && modes->size() == 1 &&
                            is_text(modes->first()) && modes->first().text() == "text";
  if (api == ModelApi::ChatCompletions && modes && !is_only_text) {
    return "only text has a price here";
  }
  return "";
}

/// Where the limit of output stands; a second name for it in Chat Completions is the older one.
std::optional<std::int64_t> output_limit(ModelApi api, JsonNode document) {
  switch (api) {
    case ModelApi::Messages:
      return number_at(document, "max_tokens");
    case ModelApi::Responses:
      return number_at(document, "max_output_tokens");
    case ModelApi::ChatCompletions: {
      const auto limit = number_at(document, "max_completion_tokens");
      return limit ? limit : number_at(document, "max_tokens");
    }
    case ModelApi::GenerateContent: {
      const auto config = find(document, "generationConfig");
      return config ? number_at(*config, "maxOutputTokens") : std::nullopt;
    }
  }
  return std::nullopt;
}

std::int64_t answers_of(ModelApi api, JsonNode document) {
  std::optional<std::int64_t> count;
  if (api == ModelApi::ChatCompletions) {
    count = number_at(document, "n");
  } else if (const auto config = find(document, "generationConfig");
             api == ModelApi::GenerateContent && config) {
    count = number_at(*config, "candidateCount");
  }
  return std::clamp<std::int64_t>(count.value_or(1), 1, kMostAnswers);
}

/// Anthropic refuses a limit that is not above the tokens for thinking.
std::int64_t least_output(ModelApi api, JsonNode document) {
  std::int64_t thinking = 0;
  if (const auto asked = find(document, "thinking"); api == ModelApi::Messages && asked) {
    thinking = number_at(*asked, "budget_tokens").value_or(0);
  }
  return thinking + kUsefulOutput;
}

bool refers_to_stored(ModelApi api, JsonNode document) {
  if (api == ModelApi::Responses) {
    for (const char* key : {"previous_response_id", "conversation", "prompt"}) {
      if (find(document, key)) {
        return true;
      }
    }
  }
  return (api == ModelApi::Messages && find(document, "container")) || names_elsewhere(document);
}

/// A second spelling of a key that Google's servers take too: we know the first only.
bool has_snake_case(JsonNode document) {
  for (const char* key :
       {"generation_config", "system_instruction", "cached_content", "tool_config"}) {
    if (find(document, key)) {
      return true;
    }
  }
  const auto config = find(document, "generationConfig");
  return config && (find(*config, "max_output_tokens") || find(*config, "candidate_count"));
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
  ModelRequestFacts facts;
  facts.model = call.api == ModelApi::GenerateContent ? call.model : text_at(json, "model");
  if (facts.model.empty()) {
    return dsl::Error{"the request names no model", ""};
  }
  if (facts.model.size() > kLongestName) {
    return dsl::Error{"the name of the request's model is too long", ""};
  }
  facts.streamed =
      call.api == ModelApi::GenerateContent ? call.streamed : is_true_at(json, "stream");
  facts.input_tokens = static_cast<std::int64_t>(body.size()) + kOverhead +
                       (refers_to_stored(call.api, json) ? kLongestContext : 0);
  facts.output_tokens = output_limit(call.api, json);
  facts.answers = answers_of(call.api, json);
  facts.least_output_tokens = least_output(call.api, json);
  if (const std::string tool = served_tool(call.api, json); !tool.empty()) {
    facts.unpriced = "the provider's tool '" + tool + "' is billed by use";
  } else {
    facts.unpriced = dearer(call.api, json);
  }
  return ModelRequest(call.api, std::move(body), std::move(facts));
}

}  // namespace runner
