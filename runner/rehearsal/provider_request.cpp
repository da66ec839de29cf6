#include "runner/rehearsal/provider_request.h"

#include <nlohmann/json.hpp>

namespace runner {
namespace {

using nlohmann::json;
using Kind = ProviderRequest::Kind;

/// "gemini-2.5-pro" of "/v1beta/models/gemini-2.5-pro:streamGenerateContent"; "" none.
std::string model_in(std::string_view path) {
  constexpr std::string_view kModels = "/models/";
  const std::size_t at = path.find(kModels);
  if (at == std::string_view::npos) {
    return "";
  }
  const std::string_view rest = path.substr(at + kModels.size());
  return std::string(rest.substr(0, rest.find(':')));
}

void read_path(std::string_view path, std::string_view query, ProviderRequest& request) {
  request.kind = Kind::Generate;
  if (path.ends_with("/messages/count_tokens")) {
    request.kind = Kind::CountTokens;
  } else if (path.ends_with("/messages")) {
    request.api = ModelApi::Messages;
  } else if (path.ends_with("/chat/completions")) {
    request.api = ModelApi::ChatCompletions;
  } else if (path.ends_with("/responses")) {
    request.api = ModelApi::Responses;
  } else if (path.ends_with("/responses/input_tokens")) {
    request.api = ModelApi::Responses;
    request.kind = Kind::CountTokens;
  } else if (path.ends_with(":countTokens")) {
    request.api = ModelApi::GenerateContent;
    request.kind = Kind::CountTokens;
  } else if (path.ends_with(":generateContent") || path.ends_with(":streamGenerateContent")) {
    request.api = ModelApi::GenerateContent;
    request.model = model_in(path);
    request.streamed = path.ends_with(":streamGenerateContent");
    request.as_array = query.find("alt=sse") == std::string_view::npos;
  } else {
    request.kind = Kind::Unknown;
  }
}

void read_body(const std::string& text, ProviderRequest& request) {
  const json body = json::parse(text, nullptr, false);
  if (!body.is_object()) {
    request.trouble = "the body is no JSON object";
    return;
  }
  if (request.api == ModelApi::GenerateContent) {
    return;
  }
  const auto model = body.find("model");
  if (model == body.end() || !model->is_string()) {
    request.trouble = "the body names no model";
    return;
  }
  request.model = model->get<std::string>();
  const auto stream = body.find("stream");
  request.streamed = stream != body.end() && *stream == true;
  if (request.api == ModelApi::ChatCompletions && request.streamed) {
    const auto options = body.find("stream_options");
    request.tells_usage =
        options != body.end() && options->is_object() && options->value("include_usage", false);
  }
}

}  // namespace

ProviderRequest read_provider_request(const HttpRequest& http) {
  ProviderRequest request;
  const std::string_view target = http.target;
  const std::size_t mark = target.find('?');
  const std::string_view path = target.substr(0, mark);
  const std::string_view query = mark == std::string_view::npos ? "" : target.substr(mark);
  if (http.field("upgrade") != nullptr) {
    request.kind = Kind::Socket;
    return request;
  }
  if (http.method == "HEAD" || (http.method == "GET" && path == "/")) {
    request.kind = Kind::Probe;
    return request;
  }
  if (http.method != "POST") {
    return request;
  }
  read_path(path, query, request);
  if (request.kind == Kind::Generate) {
    read_body(http.body, request);
  }
  return request;
}

}  // namespace runner
