#include "runner/rehearsal/provider_request.h"

#include <algorithm>
#include <string_view>

#include <nlohmann/json.hpp>

namespace runner {
namespace {

using nlohmann::json;
using Kind = ProviderRequest::Kind;

/// What is asked in whichever dialect, whose paths are all different. That of a proxy may stand
/// before them.
ModelCall call_of(std::string_view method, std::string_view path) {
  path.remove_prefix(std::min(path.find("/v1"), path.size()));
  for (const dsl::ModelDialect dialect :
       {dsl::ModelDialect::Anthropic, dsl::ModelDialect::OpenAi, dsl::ModelDialect::Gemini}) {
    const ModelCall call = read_model_call(dialect, method, path);
    if (call.kind != ModelCall::Kind::Unknown) {
      return call;
    }
  }
  return {};
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
  const ModelCall call = call_of(http.method, path);
  request.api = call.api;
  request.model = call.model;
  request.streamed = call.streamed;
  request.as_array = query.find("alt=sse") == std::string_view::npos;
  switch (call.kind) {
    case ModelCall::Kind::Generate:
      request.kind = Kind::Generate;
      read_body(http.body, request);
      break;
    case ModelCall::Kind::Free:
      request.kind = Kind::CountTokens;
      break;
    case ModelCall::Kind::Unknown:
      break;
  }
  return request;
}

}  // namespace runner
