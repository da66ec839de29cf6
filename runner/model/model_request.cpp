#include "runner/model/model_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include <nlohmann/json.hpp>

namespace runner {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kOverhead = 2'000;  // tokens that a provider adds: tools, formats, roles
constexpr std::int64_t kMostTokens = 100'000'000;
constexpr std::int64_t kUsefulOutput = 256;
constexpr int kMostAnswers = 128;
constexpr std::size_t kLongestName = 200;  // bytes

/// Braces and brackets that stand open at the same time, outside of strings. What is no JSON is
/// found out by its reader.
int depth_of(std::string_view text) {
  int depth = 0;
  int deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return deepest;
}

const Json* find(const Json& record, const char* key) {
  if (!record.is_object()) {
    return nullptr;
  }
  const auto found = record.find(key);
  return found == record.end() || found->is_null() ? nullptr : &*found;
}

std::optional<std::int64_t> number_at(const Json& record, const char* key) {
  const Json* const value = find(record, key);
  if (value == nullptr || !value->is_number()) {
    return std::nullopt;
  }
  const double number = value->get<double>();
  return static_cast<std::int64_t>(std::clamp(number, 0.0, static_cast<double>(kMostTokens)));
}

std::string text_at(const Json& record, const char* key) {
  const Json* const value = find(record, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

bool is_true_at(const Json& record, const char* key) {
  const Json* const value = find(record, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

/// What a tool is given, answers or may be given: any JSON, in which no key means anything.
bool is_of_a_tool(const Json& record, const std::string& key) {
  static constexpr std::array kKeys = {
      "input_schema", "parameters", "parametersJsonSchema", "args", "response", "arguments"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end() ||
         (key == "input" && text_at(record, "type") == "tool_use");
}

/// Content that the request does not hold. A picture may stand in it, as a "data:" address.
bool is_elsewhere(const Json& record, const std::string& key, const Json& value) {
  if (key == "image_url") {
    const Json* const address = value.is_object() ? find(value, "url") : &value;
    return address != nullptr && address->is_string() &&
           !address->get_ref<const std::string&>().starts_with("data:");
  }
  return key == "file_id" || key == "file_url" || key == "fileData" || key == "cachedContent" ||
         (key == "url" && text_at(record, "type") == "url");
}

bool names_elsewhere(const Json& value) {
  if (!value.is_object()) {
    return value.is_array() && std::any_of(value.begin(), value.end(), names_elsewhere);
  }
  const auto items = value.items();
  return std::any_of(items.begin(), items.end(), [&value](const auto& item) {
    return !item.value().is_null() && !is_of_a_tool(value, item.key()) &&
           (is_elsewhere(value, item.key(), item.value()) || names_elsewhere(item.value()));
  });
}

/// A tool that the provider itself runs is billed by use, and what it finds is input that the
/// request does not hold. A client's own are "custom" or "function", and those of Anthropic that a
/// client runs.
std::string served_tool(ModelApi api, const Json& document) {
  const Json* const tools = find(document, "tools");
  if (tools == nullptr || !tools->is_array()) {
    return "";
  }
  for (const Json& tool : *tools) {
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
        if (find(tool, served) != nullptr) {
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
std::string dearer(ModelApi api, const Json& document) {
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
    if (find(document, "mcp_servers") != nullptr) {
      return "what MCP servers of the provider's answer is not in the request";
    }
  }
  const Json* const modes = find(document, "modalities");
  if (api == ModelApi::ChatCompletions && modes != nullptr && *modes != Json::array({"text"})) {
    return "only text has a price here";
  }
  return "";
}

/// Where the limit of output stands; a second name for it in Chat Completions is the older one.
std::optional<std::int64_t> output_limit(ModelApi api, const Json& document) {
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
      const Json* const config = find(document, "generationConfig");
      return config != nullptr ? number_at(*config, "maxOutputTokens") : std::nullopt;
    }
  }
  return std::nullopt;
}

std::int64_t answers_of(ModelApi api, const Json& document) {
  std::optional<std::int64_t> count;
  if (api == ModelApi::ChatCompletions) {
    count = number_at(document, "n");
  } else if (const Json* const config = find(document, "generationConfig");
             api == ModelApi::GenerateContent && config != nullptr) {
    count = number_at(*config, "candidateCount");
  }
  return std::clamp<std::int64_t>(count.value_or(1), 1, kMostAnswers);
}

/// Anthropic refuses a limit that is not above the tokens for thinking.
std::int64_t least_output(ModelApi api, const Json& document) {
  std::int64_t thinking = 0;
  if (const Json* const asked = find(document, "thinking");
      api == ModelApi::Messages && asked != nullptr) {
    thinking = number_at(*asked, "budget_tokens").value_or(0);
  }
  return thinking + kUsefulOutput;
}

bool refers_to_stored(ModelApi api, const Json& document) {
  if (api == ModelApi::Responses) {
    for (const char* key : {"previous_response_id", "conversation", "prompt"}) {
      if (find(document, key) != nullptr) {
        return true;
      }
    }
  }
  return (api == ModelApi::Messages && find(document, "container") != nullptr) ||
         names_elsewhere(document);
}

/// A second spelling of a key that Google's servers take too: we know the first only.
bool has_snake_case(const Json& document) {
  for (const char* key :
       {"generation_config", "system_instruction", "cached_content", "tool_config"}) {
    if (find(document, key) != nullptr) {
      return true;
    }
  }
  const Json* const config = find(document, "generationConfig");
  return config != nullptr && (find(*config, "max_output_tokens") != nullptr ||
                               find(*config, "candidate_count") != nullptr);
}

/// Adds a part to a message whose content is a text or a list of parts.
void add_part(Json& message, const char* key, const Json& part, std::string_view text) {
  Json& content = message[key];
  if (content.is_string()) {
    content = content.get<std::string>() + "\n\n" + std::string(text);
  } else if (content.is_array()) {
    content.push_back(part);
  }
}

bool is_users_last(const Json& messages) {
  return messages.is_array() && !messages.empty() && text_at(messages.back(), "role") == "user";
}

}  // namespace

struct ModelRequest::Document {
  Json json;
};

ModelRequest::ModelRequest(const ModelCall& call, std::unique_ptr<Document> document)
    : api_(call.api), document_(std::move(document)) {}
ModelRequest::ModelRequest(ModelRequest&&) noexcept = default;
ModelRequest& ModelRequest::operator=(ModelRequest&&) noexcept = default;
ModelRequest::~ModelRequest() = default;

dsl::Result<ModelRequest> ModelRequest::read(const ModelCall& call, std::string_view body) {
  if (depth_of(body) > kDeepest) {
    return dsl::Error{"the request's JSON is deeper than " + std::to_string(kDeepest) + " levels",
                      ""};
  }
  auto document =
      std::make_unique<Document>(Document{Json::parse(body.begin(), body.end(), nullptr, false)});
  const Json& json = document->json;
  if (!json.is_object()) {
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
  ModelRequest request(call, std::move(document));
  request.facts_ = std::move(facts);
  return request;
}

void ModelRequest::limit_output(std::int64_t tokens) {
  Json& json = document_->json;
  switch (api_) {
    case ModelApi::Messages:
      json["max_tokens"] = tokens;
      break;
    case ModelApi::Responses:
      json["max_output_tokens"] = tokens;
      break;
    case ModelApi::ChatCompletions: {
      const bool older =
          find(json, "max_tokens") != nullptr && find(json, "max_completion_tokens") == nullptr;
      json[older ? "max_tokens" : "max_completion_tokens"] = tokens;
      break;
    }
    case ModelApi::GenerateContent: {
      Json& config = json["generationConfig"];
      if (!config.is_object()) {
        config = Json::object();
      }
      config["maxOutputTokens"] = tokens;
      break;
    }
  }
  facts_.output_tokens = tokens;
}

void ModelRequest::add_note(std::string_view text) {
  Json& json = document_->json;
  switch (api_) {
    case ModelApi::Messages:
    case ModelApi::ChatCompletions:
      if (const auto messages = json.find("messages");
          messages != json.end() && is_users_last(*messages)) {
        add_part(messages->back(), "content", {{"type", "text"}, {"text", text}}, text);
      } else if (messages != json.end() && messages->is_array() &&
                 api_ == ModelApi::ChatCompletions) {
        messages->push_back({{"role", "user"}, {"content", text}});  // behind a tool's answer
      }
      break;
    case ModelApi::Responses:
      if (const auto input = json.find("input"); input != json.end() && input->is_string()) {
        add_part(json, "input", {}, text);
      } else if (input != json.end() && input->is_array()) {
        Json part = {{"type", "input_text"}, {"text", text}};
        input->push_back({{"type", "message"}, {"role", "user"}, {"content", Json::array({part})}});
      }
      break;
    case ModelApi::GenerateContent:
      if (const auto contents = json.find("contents");
          contents != json.end() && is_users_last(*contents)) {
        add_part(contents->back(), "parts", {{"text", text}}, text);
      }
      break;
  }
}

void ModelRequest::ask_for_usage() {
  if (api_ == ModelApi::ChatCompletions && facts_.streamed) {
    Json& options = document_->json["stream_options"];
    if (!options.is_object()) {
      options = Json::object();
    }
    options["include_usage"] = true;
  }
}

std::string ModelRequest::body() const {
  return document_->json.dump();
}

}  // namespace runner
