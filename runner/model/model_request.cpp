#include "runner/model/model_request.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "runner/model/json_members.h"
#include "runner/model/request_content.h"

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

std::optional<std::int64_t> number_at(const Json& record, const char* key) {
  const Json* const value = find_member(record, key);
  if (value == nullptr || !value->is_number()) {
    return std::nullopt;
  }
  const double number = value->get<double>();
  return static_cast<std::int64_t>(std::clamp(number, 0.0, static_cast<double>(kMostTokens)));
}

bool is_true_at(const Json& record, const char* key) {
  const Json* const value = find_member(record, key);
  return value != nullptr && value->is_boolean() && value->get<bool>();
}

/// A tool that the provider itself runs is billed by use, and what it finds is input that the
/// request does not hold. A client's own are "custom" or "function", and those of Anthropic that a
/// client runs.
std::optional<std::string> served_tool(ModelApi api, const Json& document) {
  if (api == ModelApi::ChatCompletions && find_member(document, "web_search_options") != nullptr) {
    return "web_search";
  }
  const Json* const tools = find_member(document, "tools");
  if (tools == nullptr) {
    return std::nullopt;
  }
  if (!tools->is_array()) {
    return "tools";
  }
  for (const Json& tool : *tools) {
    if (!tool.is_object()) {
      return "tools";
    }
    if (api == ModelApi::GenerateContent) {
      for (const auto& [key, value] : tool.items()) {
        if (key != "functionDeclarations" && key != "function_declarations" && !value.is_null()) {
          return key;
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
  return std::nullopt;
}

std::string dearer_message(const Json& document) {
  if (const std::string speed = text_at(document, "speed"); !speed.empty() && speed != "standard") {
    return "the speed '" + speed + "' has prices of its own";
  }
  if (const std::string where = text_at(document, "inference_geo");
      !where.empty() && where != "global") {
    return "the place of inference '" + where + "' has prices of its own";
  }
  if (find_member(document, "mcp_servers") != nullptr) {
    return "what MCP servers of the provider's answer is not in the request";
  }
  const Json* const edits = find_member(document, "context_management", "edits");
  const bool compacts = edits != nullptr && edits->is_array() &&
                        std::any_of(edits->begin(), edits->end(), [](const Json& edit) {
                          return text_at(edit, "type").starts_with("compact");
                        });
  return compacts ? "what the provider compacts is billed beside the answer" : "";
}

/// Asks for more than the list price of tokens.
std::string dearer(ModelApi api, const Json& document) {
  const bool is_gemini = api == ModelApi::GenerateContent;
  const std::string tier = text_at(document, is_gemini ? "serviceTier" : "service_tier");
  if (!tier.empty() && tier != "auto" && tier != "default" && tier != "standard" &&
      tier != "standard_only" && tier != "flex") {
    return "the service tier '" + tier + "' has prices of its own";
  }
  if (api == ModelApi::Messages) {
    return dearer_message(document);
  }
  if (api == ModelApi::ChatCompletions && find_member(document, "prediction") != nullptr) {
    return "what a prediction has too much is billed as output";
  }
  const Json* const modes = is_gemini
                                ? find_member(document, "generationConfig", "responseModalities")
                                : find_member(document, "modalities");
  if (modes != nullptr && *modes != Json::array({is_gemini ? "TEXT" : "text"})) {
    return "only text has a price here";
  }
  return "";
}

/// The record of the request, and the keys in it, that limit the output; where both of Chat
/// Completions' stand, servers differ in which counts.
std::vector<const char*> limits_of(ModelApi api) {
  switch (api) {
    case ModelApi::Messages:
      return {"max_tokens"};
    case ModelApi::Responses:
      return {"max_output_tokens"};
    case ModelApi::ChatCompletions:
      return {"max_completion_tokens", "max_tokens"};
    case ModelApi::GenerateContent:
      return {"maxOutputTokens"};
  }
  return {};
}

/// Whole, above 0, and a number: to some servers 0, -1 or "100" mean another limit or none.
std::optional<std::int64_t> counting_number(const Json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(
      std::min<std::uint64_t>(value.get<std::uint64_t>(), kMostTokens));
}

struct OutputLimit {
  std::optional<std::int64_t> tokens;
  std::string problem;
};

OutputLimit output_limit(ModelApi api, const Json& document) {
  const Json* const place =
      api == ModelApi::GenerateContent ? find_member(document, "generationConfig") : &document;
  OutputLimit limit;
  for (const char* key : limits_of(api)) {
    const Json* const value = place == nullptr ? nullptr : find_member(*place, key);
    if (value == nullptr) {
      continue;
    }
    const auto tokens = counting_number(*value);
    if (!tokens) {
      limit.problem = std::string("'") + key +
                      "' is no whole number above 0; leave it out for as "
                      "much as the model gives";
    }
    limit.tokens = std::max(limit.tokens, tokens);
  }
  return limit;
}

std::int64_t answers_of(ModelApi api, const Json& document) {
  const Json* count = nullptr;
  if (api == ModelApi::ChatCompletions) {
    count = find_member(document, "n");
  } else if (api == ModelApi::GenerateContent) {
    count = find_member(document, "generationConfig", "candidateCount");
  }
  const std::int64_t most = kMostAnswers;
  return count == nullptr ? 1 : std::min(counting_number(*count).value_or(most), most);
}

/// Anthropic refuses a limit that is not above the tokens for thinking.
std::int64_t least_output(ModelApi api, const Json& document) {
  std::int64_t thinking = 0;
  if (const Json* const asked = find_member(document, "thinking");
      api == ModelApi::Messages && asked != nullptr) {
    thinking = number_at(*asked, "budget_tokens").value_or(0);
  }
  return thinking + kUsefulOutput;
}

bool has_underscore(const Json& record) {
  const auto items = record.items();
  return std::any_of(items.begin(), items.end(), [](const auto& item) {
    return item.key().find('_') != std::string::npos;
  });
}

/// A second spelling of a key that Google's servers take too: we know the first only.
bool has_snake_case(const Json& document) {
  const Json* const config = find_member(document, "generationConfig");
  return has_underscore(document) ||
         (config != nullptr && config->is_object() && has_underscore(*config));
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
  const RequestContent content = content_of(call.api, json);
  facts.input_tokens = static_cast<std::int64_t>(body.size()) - content.picture_bytes +
                       content.pictures * most_of_picture(call.api) + kOverhead +
                       (content.is_elsewhere ? kLongestContext : 0);
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
  ModelRequest request(call, std::move(document));
  request.facts_ = std::move(facts);
  return request;
}

void ModelRequest::limit_output(std::int64_t tokens) {
  Json& json = document_->json;
  Json& place = api_ == ModelApi::GenerateContent ? json["generationConfig"] : json;
  if (!place.is_object()) {
    place = Json::object();
  }
  const std::vector<const char*> keys = limits_of(api_);
  bool stands = false;
  for (const char* key : keys) {
    if (find_member(place, key) != nullptr) {
      place[key] = tokens;
      stands = true;
    }
  }
  if (!stands) {
    place[keys.front()] = tokens;
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

void ModelRequest::ask_for_list_price() {
  const bool is_openai = api_ == ModelApi::Responses || api_ == ModelApi::ChatCompletions;
  const std::string tier = text_at(document_->json, "service_tier");
  if (is_openai && (tier.empty() || tier == "auto")) {
    document_->json["service_tier"] = "default";
  }
}

std::string ModelRequest::body() const {
  return document_->json.dump();
}

}  // namespace runner
