#include <utility>

#include <nlohmann/json.hpp>

#include "runner/model/model_request.h"

namespace runner {

namespace {

using Json = nlohmann::ordered_json;

/// An object, since a node wrote it: what this reader takes for none becomes an empty one, which
/// every provider refuses.
Json object_of(const std::string& text) {
  Json json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

bool has(const Json& record, const char* key) {
  const auto found = record.find(key);
  return found != record.end() && !found->is_null();
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
  return messages.is_array() && !messages.empty() && messages.back().is_object() &&
         messages.back().value("role", Json()) == "user";
}

}  // namespace

struct ModelRequest::Document {
  Json json;
};

ModelRequest::ModelRequest(ModelApi api, std::string text, ModelRequestFacts facts)
    : api_(api), text_(std::move(text)), facts_(std::move(facts)) {}
ModelRequest::ModelRequest(ModelRequest&&) noexcept = default;
ModelRequest& ModelRequest::operator=(ModelRequest&&) noexcept = default;
ModelRequest::~ModelRequest() = default;

std::string ModelRequest::with_each_key_once(const std::string& text) {
  return object_of(text).dump();
}

ModelRequest::Document& ModelRequest::document() {
  if (document_ == nullptr) {
    document_ = std::make_unique<Document>(Document{object_of(text_)});
  }
  return *document_;
}

void ModelRequest::limit_output(std::int64_t tokens) {
  Json& json = document().json;
  switch (api_) {
    case ModelApi::Messages:
      json["max_tokens"] = tokens;
      break;
    case ModelApi::Responses:
      json["max_output_tokens"] = tokens;
      break;
    case ModelApi::ChatCompletions: {
      const bool older = has(json, "max_tokens") && !has(json, "max_completion_tokens");
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
  Json& json = document().json;
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
    Json& options = document().json["stream_options"];
    if (!options.is_object()) {
      options = Json::object();
    }
    options["include_usage"] = true;
  }
}

std::string ModelRequest::body() const {
  return document_ == nullptr ? text_ : document_->json.dump();
}

}  // namespace runner
