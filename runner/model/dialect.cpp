#include "runner/model/dialect.h"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

namespace runner {

namespace {

using Kind = ModelCall::Kind;

std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

bool is_model_name(std::string_view name) {
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
  });
}

/// All of them, or one. Names of trained ones have colons ("ft:gpt-4o:acme::1"), which Google has
/// for what is done with a model.
bool is_list_of_models(std::string_view path, std::string_view version, bool with_colons) {
  const std::string list = std::string(version) + "/models";
  if (path == list) {
    return true;
  }
  if (!path.starts_with(list + "/")) {
    return false;
  }
  std::string name(path.substr(list.size() + 1));
  if (with_colons) {
    std::replace(name.begin(), name.end(), ':', '_');
  }
  return is_model_name(name);
}

ModelCall anthropic_call(std::string_view method, std::string_view path) {
  ModelCall call;
  if (method == "POST" && path == "/v1/messages") {
    call.kind = Kind::Generate;
  } else if ((method == "POST" && path == "/v1/messages/count_tokens") ||
             (method == "GET" && is_list_of_models(path, "/v1", true))) {
    call.kind = Kind::Free;
  }
  return call;
}

ModelCall openai_call(std::string_view method, std::string_view path) {
  ModelCall call;
  call.api = path == "/v1/chat/completions" ? ModelApi::ChatCompletions : ModelApi::Responses;
  if (method == "POST" && (path == "/v1/responses" || path == "/v1/chat/completions")) {
    call.kind = Kind::Generate;
  } else if ((method == "POST" && path == "/v1/responses/input_tokens") ||
             (method == "GET" && is_list_of_models(path, "/v1", true))) {
    call.kind = Kind::Free;
  }
  return call;
}

/// "/v1beta/models/gemini-2.5-pro:streamGenerateContent"
ModelCall gemini_call(std::string_view method, std::string_view path) {
  ModelCall call;
  call.api = ModelApi::GenerateContent;
  for (const std::string_view version : {"/v1", "/v1beta", "/v1alpha"}) {
    const std::string models = std::string(version) + "/models/";
    if (method == "GET" && is_list_of_models(path, version, false)) {
      call.kind = Kind::Free;
      return call;
    }
    const std::size_t colon = path.find(':');
    if (method != "POST" || !path.starts_with(models) || colon == std::string_view::npos) {
      continue;
    }
    const std::string_view model = path.substr(models.size(), colon - models.size());
    const std::string_view verb = path.substr(colon + 1);
    call.streamed = verb == "streamGenerateContent";
    if (!is_model_name(model)) {
      return call;
    }
    call.model = model;
    if (call.streamed || verb == "generateContent") {
      call.kind = Kind::Generate;
    } else if (verb == "countTokens") {
      call.kind = Kind::Free;
    }
    return call;
  }
  return call;
}

/// What an error of this status is called, by dialect.
struct ErrorWords {
  int status;
  const char* anthropic;
  const char* openai;
  const char* gemini;
};
constexpr ErrorWords kErrorWords[] = {
    {400, "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"},
    {401, "authentication_error", "invalid_request_error", "UNAUTHENTICATED"},
    {402, "billing_error", "insufficient_quota", "FAILED_PRECONDITION"},
    {403, "permission_error", "invalid_request_error", "PERMISSION_DENIED"},
    {404, "not_found_error", "invalid_request_error", "NOT_FOUND"},
    {413, "request_too_large", "invalid_request_error", "INVALID_ARGUMENT"},
    {429, "rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"},
    {500, "api_error", "server_error", "INTERNAL"},
    {503, "api_error", "server_error", "UNAVAILABLE"},
    {504, "timeout_error", "server_error", "DEADLINE_EXCEEDED"},
    {529, "overloaded_error", "server_error", "UNAVAILABLE"},
};

const ErrorWords& words_for(int status) {
  for (const ErrorWords& words : kErrorWords) {
    if (words.status == status) {
      return words;
    }
  }
  return words_for(status >= 500 ? 500 : 400);
}

}  // namespace

dsl::ModelDialect dialect_of(ModelApi api) {
  switch (api) {
    case ModelApi::Messages:
      return dsl::ModelDialect::Anthropic;
    case ModelApi::Responses:
    case ModelApi::ChatCompletions:
      return dsl::ModelDialect::OpenAi;
    case ModelApi::GenerateContent:
      break;
  }
  return dsl::ModelDialect::Gemini;
}

ModelCall read_model_call(dsl::ModelDialect dialect,
                          std::string_view method,
                          std::string_view target) {
  const std::string_view path = path_of(target);
  ModelCall call;
  switch (dialect) {
    case dsl::ModelDialect::Anthropic:
      call = anthropic_call(method, path);
      break;
    case dsl::ModelDialect::OpenAi:
      call = openai_call(method, path);
      break;
    case dsl::ModelDialect::Gemini:
      call = gemini_call(method, path);
      break;
  }
  if (method == "HEAD") {
    call.kind = Kind::Free;
  }
  return call;
}

std::vector<const char*> output_limit_keys(ModelApi api) {
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

std::string model_error(dsl::ModelDialect dialect, int status, std::string_view message) {
  using Json = nlohmann::ordered_json;
  const ErrorWords& words = words_for(status);
  Json body;
  switch (dialect) {
    case dsl::ModelDialect::Anthropic:
      body = {{"type", "error"}, {"error", {{"type", words.anthropic}, {"message", message}}}};
      break;
    case dsl::ModelDialect::OpenAi:
      body["error"] = {{"message", message}, {"type", words.openai}};
      body["error"]["param"] = nullptr;
      body["error"]["code"] = nullptr;
      for (const std::string_view mark : {kBudgetMark, kPriceMark}) {
        if (message.find(mark) != std::string_view::npos) {
          body["error"]["code"] = mark;
        }
      }
      break;
    case dsl::ModelDialect::Gemini:
      body["error"] = {{"code", status}, {"message", message}, {"status", words.gemini}};
      break;
  }
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace runner
